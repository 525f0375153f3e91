"""Driving the real image: a topology of nodes, single containers, and waiting for what they do."""

from tests.ground.waiting import LateError, wait_for
from tests.harness.lone import Lone
from tests.harness.node import Answer, Background, Node
from tests.harness.project import Project
from tests.harness.topology import MIRRORS, Topology

__all__ = ["MIRRORS", "Answer", "Background", "LateError", "Lone", "Node", "Project", "Topology", "wait_for"]
