SELECT records.*, coalesce(cohorts.cohort, $unnamed) AS cohort
FROM cohorts
RIGHT JOIN records ON records.device = cohorts.device
WHERE $filter
