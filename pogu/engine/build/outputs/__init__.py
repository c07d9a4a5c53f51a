"""What a build gives: an image of this machine, an image pushed, an archive or a tree for the client."""
