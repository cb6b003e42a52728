# Perl: Frontier::RPC (libfrontier-rpc-perl).
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Frontier::Client;
use HTTP::Request;
use LWP::UserAgent;

my $server = Frontier::Client->new(url => $ENV{ARCHIVE_URL}, encoding => 'UTF-8');
my $agent = LWP::UserAgent->new;

sub contents {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

# Everything as a string: the library would take digits for integers.
sub text { return $server->string($_[0]) }

sub call {
    my ($method, %members) = @_;
    return $server->call("locstor.$method", \%members);
}

my $audio = contents($ENV{AUDIO});
my $session = text(call('login', login => text('root'), pass => text($ENV{ARCHIVE_PASSWORD}))->{sessid});
my $upload = call(
    'storeAudioClipOpen',
    sessid => $session,
    gunid => text(''),
    metadata => text(contents($ENV{METADATA})),
    fname => text('frontier.wav'),
    chsum => text(md5_hex($audio)),
);
my $put = $agent->request(HTTP::Request->new(PUT => $upload->{url}, undef, $audio));
die 'PUT: ' . $put->status_line unless $put->is_success;
my $gunid = call('storeAudioClipClose', sessid => $session, token => text($upload->{token}))->{gunid};

my $found = call(
    'searchMetadata',
    sessid => $session,
    criteria => {
        filetype => text('audioclip'),
        operator => text('and'),
        conditions => [
            { cat => text('dc:title'), op => text('='), val => text($ENV{TITLE}) },
        ],
    },
);
die "cnt is $found->{cnt}" unless $found->{cnt} == 1;
die 'another clip was found' unless $found->{results}[0]{gunid} eq $gunid;

my $lease = call('downloadRawAudioDataOpen', sessid => $session, gunid => text($gunid));
my $got = $agent->get($lease->{url}, ':content_file' => $ENV{OUT});
die 'GET: ' . $got->status_line unless $got->is_success;
call('downloadRawAudioDataClose', sessid => $session, token => text($lease->{token}));

my $playlist = call('createPlaylist', sessid => $session)->{plid};
my $edit = call('editPlaylist', sessid => $session, plid => text($playlist));
my $document = contents($ENV{PLAYLIST});
$document =~ s/\@PLID\@/$playlist/g;
$document =~ s/\@GUNID\@/$gunid/g;
my $saved = call(
    'savePlaylist', sessid => $session, token => text($edit->{token}), newPlaylist => text($document));
die 'another playlist was saved' unless $saved->{plid} eq $playlist;
my $opened = call(
    'accessPlaylist',
    sessid => $session,
    plid => text($playlist),
    recursive => $server->boolean(1),
);
die 'content' unless @{ $opened->{content} } == 1;
die 'released' unless call('releasePlaylist', token => text($opened->{token}))->{plid} eq $playlist;

die 'status' unless call('logout', sessid => $session)->{status}->value;
eval { call('logout', sessid => $session) };
die "second logout: $@" unless $@ =~ /803/;
print "$gunid $playlist\n";
