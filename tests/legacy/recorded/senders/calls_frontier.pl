# Perl: Frontier::RPC (libfrontier-rpc-perl). It sends bytes as it is given them.
use strict;
use warnings;
use Frontier::Client;

my $server = Frontier::Client->new(url => $ENV{ARCHIVE_URL}, encoding => 'UTF-8');
my $sessid = text('0123456789abcdef0123456789abcdef');

sub text { return $server->string($_[0]) }

sub call {
    my ($method, %members) = @_;
    return $server->call("locstor.$method", \%members);
}

call('authenticate', login => text('root'), pass => text('Kő & <b>'));
call('getVersion');
my @conditions = (
    { cat => text('dc:title'), op => text('partial'), val => text('Ő & <') },
    { cat => text('ls:mtime'), op => text('>='), val => $server->date_time('20260102T03:04:05') },
    { cat => text('dc:creator'), op => text('full'), val => text('') },
);
my %criteria = (
    filetype => text('audioClip'),
    operator => text('and'),
    conditions => \@conditions,
    limit => 25,
    orderby => [],
    desc => $server->boolean(0),
);
call('searchMetadata', sessid => $sessid, criteria => \%criteria);
my $value = "one \"1\"\n\n two\t<2> & 'Ő' %";
call('savePref', sessid => $sessid, key => text('a key'), value => text($value));
call('loadPref', sessid => $sessid, key => text('nothing'));
