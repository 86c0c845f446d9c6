# SPDX-License-Identifier: GPL-2.0
# Hashes, sorting, regular expressions and string building, with a checksum of each.
use strict;
use warnings;

my $state = 42;

sub number
{
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return int($state / 4096) % shift;
}

sub word
{
	return join '', map { chr(97 + number(26)) } 1 .. 2 + number(12);
}

my (%count, %where, @words);
for my $i (1 .. 60000) {
	my $word = word();
	push @words, $word;
	$count{substr $word, 0, 3}++;
	push @{ $where{length $word} }, [ $i, $word ];
}
print 'words ', scalar(@words), ' prefixes ', scalar(keys %count), "\n";

my @sorted = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print "most $_ $count{$_}\n" for @sorted[0 .. 9];

my $text = join ' ', @words;
my ($vowels, $doubled) = (0, 0);
$vowels++ while $text =~ /[aeiou]{2,}/g;
$doubled++ while $text =~ /(\w)\1/g;
(my $changed = $text) =~ s/(\w)(\w+)/$2$1ay/g;
print "vowels $vowels doubled $doubled length ", length $changed, "\n";

my $sum = 0;
for my $length (sort { $a <=> $b } keys %where) {
	my @by_word = sort { $a->[1] cmp $b->[1] || $a->[0] <=> $b->[0] } @{ $where{$length} };
	$sum = ($sum * 31 + $_->[0]) % 1000000007 for @by_word;
	delete $where{$length} if $length % 2;
}
print "order $sum left ", scalar(keys %where), "\n";

my %nested;
$nested{ $_ % 997 }{ $_ % 101 } .= chr(65 + $_ % 26) for 1 .. 300000;
my @all;
for my $inner (map { $nested{$_} } sort keys %nested) {
	push @all, map { "$_$inner->{$_}" } sort keys %$inner;
}
my $all = join ',', @all;
print 'nested ', unpack('%32C*', $all), ' ', length $all, "\n";
