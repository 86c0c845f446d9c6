# What check-programs runs ruby with: hashes, strings, sorting, a tree, threads.
words = Hash.new { |h, k| h[k] = [] }
40_000.times { |i| words[(i * 7919 % 5003).to_s(36)] << ("x" * (i % 150) + i.to_s) }
tree = words.keys.sort.reduce(nil) { |t, k| { key: k, size: words[k].sum(&:size), next: t } }
n = 0
while tree
	n += tree[:size]
	tree = tree[:next]
end
sums = 4.times.map { |t| Thread.new { words.sort.map { |k, v| "#{k}#{t}#{v.join(',')}".hash.class.to_s.size + v.size }.sum } }
puts n, sums.map(&:value).inspect, words.sort.flatten.join.sum
