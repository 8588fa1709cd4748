"""How figures and signs are read in French."""

import re

from voxdemo.text.spoken.language import Table, letter_names, words

FRENCH = Table(
    code="fr",
    points={",": "virgule", ".": "point"},
    minus="moins",
    plus="plus",
    thousands=" \u00a0\u202f\u2009",
    singular_below_two=True,
    masculine=re.compile(
        r"(?:livre|incendie|génie|musée|lycée|trophée|été|comité|côté|traité|silence|chat|parapluie|million|milliard|"
        r"magazine|domaine|capitaine|squelette|foie|genre|murmure|mètre|kilomètre|centimètre|litre|gramme)s?"
    ),
    feminine=re.compile(
        r"[a-zà-ÿœ]+(?:tion|sion|aison|té|ette|ence|ance|ure|ie|ée|elle|esse|ade|ude|aine|ise|ille|ine|ienne|euse|trice|"
        r"ière|ouvelle|ande|ogue|ante|ente|aire|rice)s?|(?:chaise|table|page|heure|minute|seconde|femme|fille|voiture|"
        r"maison|ville|fois|personne|semaine|année|journée|tonne|rue|place|école|église|île|lettre|porte|fenêtre|fleur|"
        r"main|tête|voix|mère|sœur|soeur|nuit|chambre|pièce|classe|équipe|carte|ligne|chose|part|étoile|"
        r"pomme|route|salle|langue|image|marche|étape|œuvre|photo|moto|tasse|boîte|bombe|balle|usine|arme|force|plante|"
        r"banque|entreprise|victime|caisse|messe|clé|clef|fête|guerre|loi|mer|piste|plage|vache|"
        r"robe|feuille|branche|once|demi-heure|sterling)s?"
    ),
    not_nouns=words(
        "à au aux avec ce ces cette contre d dans de depuis des dès donc du elle en entre est et était eu il "
        "ils elles je l la le les lui mais me n ne ni nous on ont or ou où par pas pendant plus pour qu quand "
        "que qui s sa sans se selon ses si soit son sont sous sur tu un une vers vous y a fut"
    ),
    labels=re.compile(
        r"(?:pages?|chapitres?|numéros?|articles?|version|groupes?|thème|unité|canal|chambre|salle|porte|années?|ligne|"
        r"niveau|phase|tome|figure|tableau|leçon|exercice|kilomètre|vol)$",
        re.IGNORECASE,
    ),
    to="à",
    between={"entre": "et"},
    ordinals={
        "er": "masculine", "re": "feminine", "ère": "feminine", "ere": "feminine", "e": "masculine", "ème": "masculine",
        "eme": "masculine", "ième": "masculine", "me": "masculine", "ers": "masculine-plural", "res": "feminine-plural",
        "es": "masculine-plural", "èmes": "masculine-plural", "nd": "=second", "nde": "=seconde", "º": "masculine",
        "°": "masculine",
    },
    degree_ordinals=False,
    halves=("un demi", "une demi"),
    and_a_half=("et demi", "et demie"),
    and_="et",
    fractions={
        2: ("demi", "demis"), 3: ("tiers", "tiers"), 4: ("quart", "quarts"), 5: ("cinquième", "cinquièmes"),
        6: ("sixième", "sixièmes"), 7: ("septième", "septièmes"), 8: ("huitième", "huitièmes"),
        9: ("neuvième", "neuvièmes"), 10: ("dixième", "dixièmes"), 12: ("douzième", "douzièmes"),
        20: ("vingtième", "vingtièmes"), 100: ("centième", "centièmes"), 1000: ("millième", "millièmes"),
    },
    of_year="de",
    over="sur",
    of="de ",
    of_vowel="d'",
    date="{day} {month}",
    year=" ",
    first="premier",
    before_dates="le|du|au|jusqu'au|dès le",
    clock=("{h} {hours} {m}", "{h} {hours} {m}", "{h} {hours}", "{h} {hours}"),
    hours=("heure", "heures"),
    duration=(", ", " et "),
    phones=(r"0\d(?:[ .\u00a0\u202f-]?\d\d){4}", r"[1-9](?:[ .\u00a0\u202f-]?\d\d){4}", r"0 ?8\d\d(?: ?\d\d\d){2}"),
    in_pairs=True,
    currencies={
        "EUR": ("euro", "euros", "centime", "centimes"), "USD": ("dollar", "dollars", "cent", "cents"),
        "GBP": ("livre", "livres", "penny", "pence"), "JPY": ("yen", "yens", "sen", "sens"),
        "BRL": ("real", "reals", "centavo", "centavos"), "CNY": ("yuan", "yuans", "fen", "fens"),
        "CHF": ("franc suisse", "francs suisses", "centime", "centimes"),
    },
    cents="{euros} {cents}",
    scales={
        "million": ("million", "millions"), "millions": ("million", "millions"), "M": ("million", "millions"),
        "milliard": ("milliard", "milliards"), "milliards": ("milliard", "milliards"), "Md": ("milliard", "milliards"),
        "Mds": ("milliard", "milliards"), "mille": ("mille", "mille"), "k": ("mille", "mille"),
    },
    of_free=frozenset({"mille", "k"}),
    per="par",
    units={
        "km/h": ("kilomètre à l'heure", "kilomètres à l'heure"), "m/s": ("mètre par seconde", "mètres par seconde"),
        "Go": ("gigaoctet", "gigaoctets"), "Mo": ("mégaoctet", "mégaoctets"), "ko": ("kilooctet", "kilooctets"),
        "To": ("téraoctet", "téraoctets"), "dB": ("décibel", "décibels"),
        "Mbps": ("mégabit par seconde", "mégabits par seconde"),
    },
    feminine_measures=frozenset({"livre"}),
    regnal_ordinals=1,
    kings="Louis|Philippe|Charles|François|Henri|Georges?|Guillaume|Édouard|Pie|Jean-Paul|Jean|Benoît|Léon|Grégoire|"
    "Innocent|Clément|Paul|Napoléon|Pierre|Nicolas|Alexandre|Ivan|Gustave|Albert|Léopold|Baudouin|Humbert|Ramsès|"
    "Frédéric|Richard|Jacques|Robert|Hugues|Alphonse|Ferdinand|Félix|Urbain|Sixte|Jules|Rainier|Hassan|Mohammed",
    queens="Élisabeth|Elizabeth|Elisabeth|Catherine|Marie|Jeanne|Christine|Marguerite|Sophie|Cléopâtre|Béatrice|Isabelle",
    romans=((r"\b(?=[IVX])(?P<roman>[IVX]{1,7})(?P<suffix>er|e|ème|es)\b", "m"),),
    abbreviations={
        "M.": "monsieur", "MM.": "messieurs", "Mme": "madame", "Mme.": "madame", "Mlle.": "mademoiselle",
        "Mmes": "mesdames", "Mlle": "mademoiselle",
        "Mlles": "mesdemoiselles", "Dr": "docteur", "Dr.": "docteur", "Pr": "professeur", "Me": "maître",
        "St": "Saint", "Ste": "Sainte", "p. ex.": "par exemple",
        "p.": "page", "pp.": "pages", "p.ex.": "par exemple", "etc.": "et cetera",
        "c.-à-d.": "c'est-à-dire", "n°": "numéro", "N°": "numéro", "nº": "numéro", "n°s": "numéros", "no.": "numéro",
        "av.": "avenue", "Av.": "avenue", "bd": "boulevard", "Bd": "boulevard", "bld": "boulevard", "pl.": "place",
        "chap.": "chapitre", "art.": "article", "vol.": "volume", "tél.": "téléphone", "Tél.": "téléphone",
        "env.": "environ", "max.": "maximum", "av. J.-C.": "avant Jésus-Christ",
        "apr. J.-C.": "après Jésus-Christ", "ap. J.-C.": "après Jésus-Christ", "J.-C.": "Jésus-Christ",
        "cf.": "voir", "vs.": "contre", "vs": "contre", "et/ou": "et ou", "S.A.": "société anonyme", "Cie": "compagnie",
        "s.v.p.": "s'il vous plaît", "svp": "s'il vous plaît", "SVP": "s'il vous plaît", "ex.": "exemple",
        "hab.": "habitants", "24h/24": "vingt-quatre heures sur vingt-quatre", "7j/7": "sept jours sur sept",
        "le kg": "le kilo", "par kg": "par kilo",
    },
    closing=frozenset({"etc.", "av. J.-C.", "apr. J.-C.", "ap. J.-C.", "J.-C.", "S.A.", "env.", "max.", "s.v.p."}),
    signs={
        "^": "puissance",
        "&": "et", "@": "arobase", "+": "plus", "=": "égale", "×": "fois", "÷": "divisé par", "±": "plus ou moins",
        "≈": "environ", "≠": "différent de", "<": "inférieur à", ">": "supérieur à", "≤": "inférieur ou égal à",
        "≥": "supérieur ou égal à", "#": "numéro", "§": "paragraphe", "%": "pour cent", "€": "euros", "$": "dollars",
        "£": "livres", "°": "degrés", "√": "racine carrée de", "→": "vers", "²": "au carré", "³": "au cube",
    },
    letters=letter_names(
        "a,bé,cé,dé,e,effe,gé,hache,i,ji,ka,elle,emme,enne,o,pé,cu,erre,esse,té,u,vé,double vé,ixe,i grec,zède"
    ),
    spelt=frozenset({
        "UE", "FMI", "ADN", "FBI", "PIB", "IBM", "USB", "URL", "IP", "ID", "CIA", "SNCF", "RATP", "USA", "OMS", "ONG",
        "RER", "EDF", "PME", "TVA", "IRM", "IVG", "HLM", "OGM", "IA", "UMP",
    }),
    web={
        ".": "point", "@": "arobase", "/": "barre oblique", "-": "tiret", "_": "tiret bas", ":": "deux points",
        "?": "point d'interrogation", "=": "égale", "&": "et", "#": "dièse", "%": "pour cent", "+": "plus",
        "~": "tilde",
    },
)  # fmt: skip
