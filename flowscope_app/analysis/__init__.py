"""What a session's spans mean: metrics, the graph of its calls and its layout; numpy alone, no Qt."""
