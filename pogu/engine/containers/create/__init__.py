"""Creating a container: check what was asked, merge it with the image, and write the record."""
