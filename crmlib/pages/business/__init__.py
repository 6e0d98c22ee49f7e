"""Business customers: who they are, what they need when, what they owe, whom to see first."""
