"""Files: where a workspace keeps them, how they are written so that nothing is lost, who may write.

`StateStore` is the port through which the framework keeps states; `YamlStateStore` keeps them in a
folder. Its fake in memory is `peaceful.testing.MemoryStateStore`.
"""
