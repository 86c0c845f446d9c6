-- SPDX-License-Identifier: GPL-2.0
-- A database made of numbers only, then questions about it.
PRAGMA journal_mode = MEMORY;
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, town INTEGER, born INTEGER);
CREATE TABLE sale (id INTEGER PRIMARY KEY, person INTEGER, amount INTEGER, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO person SELECT i, printf('person %d of %x', i, i * 7919 % 65536), i * 31 % 500,
	1920 + i * 17 % 90 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
INSERT INTO sale SELECT i, 1 + i * 7907 % 60000, i * 104729 % 10007,
	substr('abcdefghijklmnopqrstuvwxyz', 1 + i % 20, 1 + i % 7) || i FROM n;
CREATE INDEX sale_person ON sale (person, amount);
CREATE INDEX person_town ON person (town, born);
SELECT count(*), sum(amount), min(note), max(note) FROM sale;
SELECT town, count(*), sum(amount) FROM person JOIN sale ON sale.person = person.id
	GROUP BY town HAVING sum(amount) > 2000000 ORDER BY 3 DESC, 1 LIMIT 20;
SELECT born / 10 * 10 AS decade, group_concat(DISTINCT town % 7), avg(amount)
	FROM person JOIN sale ON sale.person = person.id GROUP BY decade ORDER BY decade;
SELECT name, length(name), (SELECT max(amount) FROM sale WHERE person = person.id)
	FROM person WHERE name LIKE '%99%' ORDER BY name LIMIT 20;
UPDATE sale SET note = upper(note) || '!' WHERE amount % 3 = 0;
DELETE FROM sale WHERE amount % 5 = 0;
SELECT count(*), sum(length(note)), count(DISTINCT note) FROM sale;
WITH RECURSIVE walk(id, depth) AS (SELECT 1, 0 UNION ALL
	SELECT id * 3 % 59999 + 1, depth + 1 FROM walk WHERE depth < 20000)
SELECT count(DISTINCT id), sum(id) FROM walk;
SELECT json_group_array(json_object('id', id, 'name', name)) FROM person WHERE id % 997 = 0;
PRAGMA integrity_check;
