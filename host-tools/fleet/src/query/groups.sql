-- Devices, frames and losses of every model and cohort.
-- Frames are numbered from 0 at each start, so the numbers missing between the first and the last one heard of a
-- boot are losses; what came before the first or after the last one is unknown.
WITH boots AS (
    SELECT
        model, cohort, device, boot,
        count(*) AS frames,
        CAST(max(seq) AS BIGINT) - CAST(min(seq) AS BIGINT) + 1 AS numbers,
        min(received_ms) AS first_ms,
        max(received_ms) AS last_ms,
        count(*) FILTER (WHERE kind = 'window') AS windows,
        count(*) FILTER (WHERE answer = 'unfamiliar' AND kind = 'window') AS unfamiliar,
        count(*) FILTER (WHERE answer = 'drifting' AND kind = 'window') AS drifting,
        count(*) FILTER (WHERE answer = 'faulty' AND kind = 'window') AS faulty,
        count(*) FILTER (WHERE kind = 'fault') AS faults
    FROM telemetry
    GROUP BY model, cohort, device, boot
)
SELECT
    model, cohort,
    count(DISTINCT device) AS devices,
    count(*) AS boots,
    CAST(sum(frames) AS BIGINT) AS frames,
    CAST(sum(greatest(numbers - frames, 0)) AS BIGINT) AS lost,
    CAST(sum(greatest(frames - numbers, 0)) AS BIGINT) AS repeated,
    min(first_ms) AS first_ms,
    max(last_ms) AS last_ms,
    CAST(sum(windows) AS BIGINT) AS windows,
    CAST(sum(unfamiliar) AS BIGINT) AS unfamiliar,
    CAST(sum(drifting) AS BIGINT) AS drifting,
    CAST(sum(faulty) AS BIGINT) AS faulty,
    CAST(sum(faults) AS BIGINT) AS faults
FROM boots
GROUP BY model, cohort
ORDER BY model, cohort
