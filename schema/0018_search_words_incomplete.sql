-- Who looks for a part of a text may look at the clips only that have the words inside of it, if those
-- are all clips that may have it. So '0' is among the words of a clip that has others: texts in place of
-- a point in time or a duration, or more than 80,000 characters. What is counted here may be more of
-- them than model/words.py counts; to look at a clip in vain does no harm.

UPDATE search_words SET words = words || array_to_tsvector(ARRAY['0'])
WHERE clip_id IN (
    SELECT clip_id
    FROM search_link JOIN search_value USING (value_id)
    JOIN search_category c ON c.category_id = search_value.category_id
    WHERE (local_name = 'mtime' OR name = 'dcterms:extent')
    AND folded !~ '^[0-9dhmpstwyz:.,+ -]*$'
    UNION ALL
    SELECT clip_id
    FROM (
        -- Texts that occur in several categories are here but once.
        SELECT clip_id, vals FROM search_clip JOIN search_any USING (clip_id)
        WHERE 6 * octet_length(folded) * cardinality(vals) > 80000
        OFFSET 0
    ) AS long
    CROSS JOIN unnest(vals) AS value_id
    JOIN search_value USING (value_id)
    GROUP BY clip_id
    HAVING count(*) + sum(
        CASE WHEN octet_length(folded) = length(folded) THEN 1 ELSE 6 END * octet_length(folded)
    ) > 80000
);
