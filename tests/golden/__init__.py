"""What every command and every exported file says, kept as documents and compared as values."""
