"""The code behind the notebooks: one idea per module, each one used in a lesson.

Read them in this order, in which each imports only what stands before it: progress,
assets, templates, datasets; tokenization, batching, pooling; processor, encoder,
storage; metrics, losses, search; checkpoints, training; diagnose, diagnose_training;
results, plots, checks. Commands stand apart: install, doctor, box, unbox, workspace.
Does not import any of them by itself.
"""
