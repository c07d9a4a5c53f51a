"""From a Dockerfile to a graph of steps and the configuration of the image that comes of them.

`planning` is the way in. Nothing is run here; base images are looked up, and pulled where they are missing, since their
configuration decides what the instructions mean.
"""
