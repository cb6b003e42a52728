-- What becomes of a sign without its form may have to be folded again: ᴲ is an Ǝ then, which indexing
-- writes as ǝ. 0017 has compared letters as the column they came from does, by their numbers, and so has
-- folded those of ASCII only. These are all others; a million clips are looked through in two seconds.

UPDATE search_words SET words = (
    SELECT array_to_tsvector(array_agg(
        translate(word, 'ÆĦƎƐȢΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςϜ', 'æħǝɛȣαβγδεζηθικλμνξοπρστυφχψωσϝ')
    ))
    FROM unnest(tsvector_to_array(words)) AS word
)
WHERE words::text ~ '[ÆĦƎƐȢΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςϜ]';
