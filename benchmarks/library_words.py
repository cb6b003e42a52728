"""The words that made-up clips are described with: real ones of many languages, and syllables.

A vocabulary begins with the real words, which Zipf's law makes the frequent ones, and goes on with
words of syllables in the same script. Accents, letters without an ASCII form, and scripts without
spaces are there because folding, trigrams and sort keys treat them differently.
"""

# ruff: noqa: SIM905 - lists of words are read most easily as texts

# What words are made of: beginnings, middles, ends of syllables
SYLLABLES = {
    "latin": (
        "b br c ch d dr f fl g gr h j k l m n p pr qu r s sh st t th tr v w z".split(),
        "a e i o u ai ea ou oo ie y".split(),
        ["", "", "", *"n r l s t m ck nd ng st x".split()],
    ),
    "cyrillic": (
        "б в г д ж з к л м н п р с т ф х ц ч ш ст пр".split(),
        "а е и о у ы ю я".split(),
        ["", "", "", *"н р л с т м к й ть".split()],
    ),
    "greek": (
        "β γ δ θ κ λ μ ν π ρ σ τ φ χ".split(),
        "α ε η ι ο υ ω ά έ ί ό".split(),
        ["", "", *"ν ρ ς".split()],
    ),
    "kana": (
        list("かきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろ"),
        [""],
        ["", "", "ん", "い", "う"],
    ),
}

FIRST_NAMES = {
    "latin": """John Mary Paul Anna David Maria Peter Elena Thomas José Zoë Björn Søren Jürgen
        François Renée André Mónica Łukasz Agnieszka Jiří Šárka Đorđe Nuño João Inês Ayşe Mehmet
        Michael Sarah James Emma Robert Laura Daniel Nina Carlos Lucía Pierre Chloé Hans Greta
        Ivan Milica Luka Ana Sofia Hugo Oscar Ella Miles Nora Otis Etta Nils Astrid""".split(),
    "cyrillic": """Иван Мария Пётр Анна Дмитрий Елена Алексей Ольга Сергей Наталья Андрій
        Оксана Владимир Татьяна Юрий Світлана Николай Людмила Фёдор Зоя""".split(),
    "greek": "Γιώργος Μαρία Νίκος Ελένη Κώστας Άννα Δημήτρης Σοφία".split(),
    "kana": "ひろし さくら けんじ ゆき たろう はなこ あきら みゆき".split(),
}

# Language: script, share of the artists, size of the vocabulary, accents, frequent words
LANGUAGES: dict[str, tuple[str, int, int, str, list[str]]] = {
    "en": ("latin", 620, 14_000, "", """love the you me my in of a to and night heart it no on
        time is baby one all day your blue down world dream girl man life home little for with like
        fire song good never up what go we sun moon rain away rock light back way soul out come
        dance don't black i'm another river christmas sweet last long big hey red be high sky lost
        road let take want more just from wild train house summer free new star only always old
        magic city happy eyes first crazy run ain't gone water young end angel golden lonely
        machine street forever under winter gold born when music tonight stay country over king
        queen walk morning devil waiting talk boy mind hard this that silver ghost paradise without
        broken heaven lady face hold who electric dark fall shadow storm funky right kiss rose
        white hot sea bad nothing where why how every before through call people second thing ride
        mother stone mountain green keep fly close true secret touch inside feel believe brother
        yesterday tomorrow sunday monday ocean blues boogie swing groove waltz serenade overture
        interview report news jingle station weather bulletin live sport debate episode""".split()),
    "es": ("latin", 80, 4_000, "áéíóúñ", """amor noche corazón vida mi de la el que en mañana
        canción sueño luna sol cielo niña señora camino fuego lluvia alma querer azúcar café tú
        adiós árbol río montaña pájaro años última guerra libertad calle ciudad""".split()),
    "fr": ("latin", 60, 4_000, "éèêçàô", """amour nuit cœur vie la le de mon été chanson rêve lune
        soleil ciel forêt mer étoile garçon fille château café déjà vu où tristesse français île
        fenêtre hôtel petite belle dernière première sous pont rivière""".split()),
    "de": ("latin", 50, 4_000, "äöüß", """liebe nacht herz leben der die das mein traum mond sonne
        himmel straße mädchen grün blau über für schön müde größe könig tür glück wünsche zurück
        morgen immer frühling träume ich du wir""".split()),
    "pt": ("latin", 35, 3_000, "ãõçáéê", """amor noite coração vida de minha canção sonho lua sol
        céu saudade manhã mãe não você chão irmão paixão ilusão verão águas março rua""".split()),
    "pl": ("latin", 25, 2_500, "ąęłńóśźż", """miłość noc serce życie w na moja piosenka sen księżyc
        słońce niebo dziewczyna ciebie gdzie jesteś błękit żal dzień świat pamięć łódź""".split()),
    "cs": ("latin", 15, 2_000, "áčďéěíňřšťůž", """láska noc srdce život v na má píseň sen měsíc
        slunce nebe holka tě kde jsi modrá žal den svět paměť řeka dům příběh""".split()),
    "sr": ("latin", 15, 2_000, "čćđšž", """ljubav noć srce život u na moja pesma san mesec sunce
        nebo devojka tebe gde plava žal dan svet reka kuća priča đavo čekam šta ćemo""".split()),
    "ru": ("cyrillic", 55, 5_000, "", """любовь ночь сердце жизнь в на моя песня сон луна солнце
        небо девушка тебя где мой город дорога ветер зима весна дождь звезда друг ещё чёрный белый
        счастье война новости утро день""".split()),
    "uk": ("cyrillic", 15, 2_000, "", """любов ніч серце життя в на моя пісня сон місяць сонце небо
        дівчина тебе де мій місто дорога вітер зима весна дощ зірка друг їхати є""".split()),
    "el": ("greek", 10, 1_200, "", """αγάπη νύχτα καρδιά ζωή της το μου τραγούδι όνειρο φεγγάρι
        ήλιος ουρανός θάλασσα πόλη δρόμος μάτια""".split()),
    "tr": ("latin", 10, 1_500, "çğıöşü", """aşk gece kalp hayat bir benim şarkı rüya ay güneş
        gökyüzü kız deniz İstanbul yağmur gözler ışık dünya""".split()),
    "ja": ("kana", 10, 800, "",
        "愛 夜 心 人生 夢 月 太陽 空 海 東京 さくら ありがとう 雨 風 花 恋 未来 旅".split()),
}  # fmt: skip

GENRES = """Pop Rock Talk News Electronic Hip-Hop Jazz Classical Folk Country Indie Reggae Blues
    Soul Funk House Techno Ambient Metal Punk R&B Latin World Dance Disco Gospel Chanson Flamenco
    Fado Polka Turbo-Folk Ska Dub Dancehall Afrobeat Highlife Bossa-Nova Samba Tango Salsa Cumbia
    Bachata Merengue Drum'n'Bass Dubstep Trance Hardcore Industrial Gothic Grunge Shoegaze Post-Rock
    Krautrock Progressive Psychedelic Garage Surf Rockabilly Swing Big-Band Bebop Free-Jazz Fusion
    Acid-Jazz Lounge Chillout Downtempo Trip-Hop Breakbeat Electro Synthpop New-Wave Post-Punk
    No-Wave Noise Drone Experimental Musique-Concrète Opera Operetta Chamber Choral Baroque
    Renaissance Romantic Minimalism Contemporary Soundtrack Musical Cabaret Schlager Volksmusik
    Klezmer Balkan Celtic Bluegrass Americana Cajun Zydeco Raï Gnawa Qawwali Bhangra Gamelan Enka
    J-Pop K-Pop Cantopop Interview Feature Documentary Drama Comedy Sport Weather Traffic Jingle
    Station-ID Advert Debate Lecture Poetry Children Education Religious Oldies""".split()

MOODS = "calm happy sad energetic dark romantic aggressive dreamy nostalgic epic".split()
