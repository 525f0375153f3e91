"""The status page: facts become words, mirrors become a tree, the tree becomes a drawing."""
