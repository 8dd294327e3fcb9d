-- The slope of every statistic on every device: least squares over its means per window of time, a day as unit.
WITH means AS (
    SELECT
        model, cohort, site, stat, device,
        received_ms / $width AS slot,
        sum(n * mean) / sum(n) AS mean
    FROM telemetry
    WHERE kind = 'sketch' AND n > 0 AND NOT isnan(mean) AND received_ms IS NOT NULL
    GROUP BY model, cohort, site, stat, device, received_ms / $width
),
firsts AS (
    SELECT min(slot) AS first FROM means
)
SELECT
    model, cohort, site, stat, device,
    count(*) AS windows,
    regr_slope(mean, (slot - first) * ($width / 86400000.0)) AS slope
FROM means CROSS JOIN firsts
GROUP BY model, cohort, site, stat, device
HAVING count(*) >= 3
ORDER BY model, cohort, site, stat, device
