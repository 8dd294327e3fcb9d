-- Moments and histograms of every statistic, merged over devices and time.
-- Two passes: squares are taken around the merged mean, so that nothing cancels.
WITH sketches AS (
    SELECT model, cohort, site, stat, device, n, mean, sd, min, max, histogram
    FROM telemetry
    WHERE kind = 'sketch' AND n > 0 AND NOT isnan(mean) AND NOT isnan(sd)
),
centres AS (
    SELECT model, cohort, site, stat, sum(n * mean) / sum(n) AS centre
    FROM sketches
    GROUP BY model, cohort, site, stat
)
SELECT
    s.model, s.cohort, s.site, s.stat,
    count(*) AS sketches,
    count(DISTINCT s.device) AS devices,
    CAST(sum(s.n) AS BIGINT) AS n,
    max(c.centre) AS mean,
    sqrt(sum(s.n * (s.sd * s.sd + (s.mean - c.centre) * (s.mean - c.centre))) / sum(s.n)) AS sd,
    min(s.min) AS min,
    max(s.max) AS max,
    $histogram
FROM centres c
JOIN sketches s
    ON s.model = c.model AND s.cohort = c.cohort AND s.site = c.site AND s.stat = c.stat
GROUP BY s.model, s.cohort, s.site, s.stat
ORDER BY s.model, s.cohort, s.site, s.stat
