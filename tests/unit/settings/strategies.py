"""What addresses of peers are made of, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(lambda text: text not in (".", ".."))
hosts = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,5})?", fullmatch=True) | st.ip_addresses().map(str)
ports = st.integers(1, 65535)
