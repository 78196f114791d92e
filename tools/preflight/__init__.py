"""Check what a first run on an AWS account needs, before anything is paid for."""
