"""The transfer of file trees, as BuildKit's `fsutil` does it: what is new is sent, what the receiver has is not.

`receiver` and `sender` are the two sides, fed with messages and giving messages, without I/O but that on the tree;
`target` is the tree that a receiver makes, `modes` the form in which types and permissions travel, `order` what paths
may come and when.
"""

from pogu.dialects.buildkit.filesync.receiver import Receiver
from pogu.dialects.buildkit.filesync.sender import Sender

__all__ = ["Receiver", "Sender"]
