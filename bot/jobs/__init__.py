"""Background jobs: the job runner and the scheduler of periodic tasks."""
