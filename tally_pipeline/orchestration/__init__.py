"""Everything Dagster: assets and IO managers, jobs, schedules and the sensor, storage, runs."""
