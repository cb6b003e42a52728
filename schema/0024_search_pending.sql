-- Pending lists again, but short ones: 0011 did without, because 4 MB of them take 320 ms to put in their
-- place. 256 kB have some 80 clips. To keep up the index of all texts at a million costs a processor
-- 0.3 ms a clip instead of 0.9 to 2.4: what many clips have in common, the digits of the time say, is put
-- in its place once for all of them. To describe a clip anew takes 3.7 ms instead of 4.6, and whoever comes
-- when a list is full waits for 10 to 30. A search reads a full one in some hundredths of a millisecond.

ALTER INDEX search_any_folded SET (fastupdate = on, gin_pending_list_limit = 256);
ALTER INDEX search_text_title SET (fastupdate = on, gin_pending_list_limit = 256);
ALTER INDEX search_text_creator SET (fastupdate = on, gin_pending_list_limit = 256);
ALTER INDEX search_text_source SET (fastupdate = on, gin_pending_list_limit = 256);
ALTER INDEX search_words_words SET (fastupdate = on, gin_pending_list_limit = 256);
ALTER INDEX search_clip_vals SET (fastupdate = on, gin_pending_list_limit = 256);
ALTER INDEX search_value_parts SET (fastupdate = on, gin_pending_list_limit = 256);
