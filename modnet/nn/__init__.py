"""Networks, mini-batches and the training loop: plain arrays, no plugins."""
