"""What is done for those who ask: starting, one per profile; interrupting; counting."""
