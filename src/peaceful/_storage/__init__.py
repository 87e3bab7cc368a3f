"""The files of a workspace: their paths, durable writes, stored states and the profile lock.

`StateStore` is the port to stored states; `YamlStateStore` implements it in a folder, and
`peaceful.testing.MemoryStateStore` is its fake.
"""
