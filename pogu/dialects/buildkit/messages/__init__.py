"""The messages of BuildKit's protocols, a module for each: field names and numbers as its definitions have them."""
