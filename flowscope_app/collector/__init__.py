"""The process that takes spans from programs and writes them to the store."""
