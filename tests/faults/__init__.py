"""The promises about endings and crowds: nothing acknowledged is lost, nothing is left behind."""
