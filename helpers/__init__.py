"""The code behind the notebooks: one idea per module, each one used in a lesson.

Read them in this order, in which each imports only what stands before it: progress,
assets, datasets; tokenization, batching, pooling; processor, encoder, storage;
metrics, losses, checkpoints, training; results, plots, checks. Does not import any of
them by itself.
"""
