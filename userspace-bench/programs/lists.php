<?php
// What check-programs runs php with: strings, arrays, objects, sorting, regular expressions.
class Item { public $name; public $next; function __construct($n, $x) { $this->name = $n; $this->next = $x; } }
$words = [];
for ($i = 0; $i < 60000; $i++) {
	$word = 'w' . md5("$i") . str_repeat('x', $i % 200);
	$words[substr($word, 0, 9)][] = $word;
}
ksort($words);
$last = null;
foreach ($words as $key => $list)
	$last = new Item(preg_replace('/[0-9]+/', '#', $key), $last);
for ($n = 0; $last; $last = $last->next)
	$n += strlen($last->name);
echo count($words), ' ', $n, ' ', md5(serialize($words)), "\n";
echo md5(json_encode(array_map('count', $words))), "\n";
