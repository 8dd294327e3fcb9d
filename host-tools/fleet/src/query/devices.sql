-- The mean of every statistic on every device.
SELECT
    model, cohort, site, stat, device,
    CAST(sum(n) AS BIGINT) AS n,
    sum(n * mean) / sum(n) AS mean
FROM telemetry
WHERE kind = 'sketch' AND n > 0 AND NOT isnan(mean)
GROUP BY model, cohort, site, stat, device
ORDER BY model, cohort, site, stat, device
