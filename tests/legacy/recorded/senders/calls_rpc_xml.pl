# Perl: RPC::XML (librpc-xml-perl).
use strict;
use warnings;
use utf8;
use RPC::XML;
use RPC::XML::Client;

$RPC::XML::ENCODING = 'utf-8';
my $server = RPC::XML::Client->new($ENV{ARCHIVE_URL});
my $sessid = text('0123456789abcdef0123456789abcdef');

sub text { return RPC::XML::string->new($_[0]) }

sub call {
    my ($method, %members) = @_;
    my $answer = $server->send_request("locstor.$method", RPC::XML::struct->new(%members));
    die "$method: $answer" unless ref $answer;
}

call('authenticate', login => text('root'), pass => text('Kő & <b>'));
call('getVersion');
my @conditions = (
    RPC::XML::struct->new(cat => text('dc:title'), op => text('partial'), val => text('Ő & <')),
    RPC::XML::struct->new(
        cat => text('ls:mtime'),
        op => text('>='),
        val => RPC::XML::datetime_iso8601->new('20260102T03:04:05'),
    ),
    RPC::XML::struct->new(cat => text('dc:creator'), op => text('full'), val => text('')),
);
my $criteria = RPC::XML::struct->new(
    filetype => text('audioClip'),
    operator => text('and'),
    conditions => RPC::XML::array->new(@conditions),
    limit => RPC::XML::int->new(25),
    orderby => RPC::XML::array->new(),
    desc => RPC::XML::boolean->new(0),
);
call('searchMetadata', sessid => $sessid, criteria => $criteria);
my $value = "one \"1\"\n\n two\t<2> & 'Ő' %";
call('savePref', sessid => $sessid, key => text('a key'), value => text($value));
call('loadPref', sessid => $sessid, key => text('nothing'));
