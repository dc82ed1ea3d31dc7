"""What several tests share: real tools, loopback services, variations."""
