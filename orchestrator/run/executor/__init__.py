"""Where the steps of a run work: threads of this process, or the workers of a Dask cluster."""
