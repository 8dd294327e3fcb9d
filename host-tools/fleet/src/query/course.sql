-- The course of every statistic: one row a window of time, merged over devices.
WITH sketches AS (
    SELECT model, cohort, site, stat, device, n, mean, sd, received_ms / $width AS slot
    FROM telemetry
    WHERE kind = 'sketch' AND n > 0 AND NOT isnan(mean) AND NOT isnan(sd) AND received_ms IS NOT NULL
),
centres AS (
    SELECT model, cohort, site, stat, slot, sum(n * mean) / sum(n) AS centre
    FROM sketches
    GROUP BY model, cohort, site, stat, slot
)
SELECT
    s.model, s.cohort, s.site, s.stat,
    s.slot * $width AS start_ms,
    count(DISTINCT s.device) AS devices,
    CAST(sum(s.n) AS BIGINT) AS n,
    max(c.centre) AS mean,
    sqrt(sum(s.n * (s.sd * s.sd + (s.mean - c.centre) * (s.mean - c.centre))) / sum(s.n)) AS sd
FROM centres c
JOIN sketches s
    ON s.model = c.model AND s.cohort = c.cohort AND s.site = c.site AND s.stat = c.stat AND s.slot = c.slot
GROUP BY s.model, s.cohort, s.site, s.stat, s.slot
ORDER BY s.model, s.cohort, s.site, s.stat, s.slot
