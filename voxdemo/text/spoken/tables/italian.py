"""How figures and signs are read in Italian."""

import re

from voxdemo.text.spoken.language import Table, letter_names, words

_NEEDS_UNO = re.compile(r"(?:s[^aeiouàèéìòù]|z|gn|ps|pn|x|y|i[aeou])", re.IGNORECASE)


def _one(gender: str, noun: str) -> str:
    """The article before a noun, with the space behind it: "un libro", "uno studente", "una casa", "un'ora"."""
    if gender == "f":
        return "un'" if noun[:1].lower() in tuple("aeiouàèéìòù") else "una "
    return "uno " if _NEEDS_UNO.match(noun) else "un "


ITALIAN = Table(
    code="it",
    points={",": "virgola", ".": "punto"},
    minus="meno",
    plus="più",
    genders=("numbering", "numbering"),
    one=_one,
    masculine=re.compile(
        r"(?:problem|program|programm|tem|sistem|clim|poem|dilemm|schem|comet|poet|turist|artist|giornalist|atlet|"
        r"diplom|panoram|pianet|cinem|pigiam|sintom|dramm|pap|vagli|gorill|boi|naut|dentist|pilot|automobilist)(?:a|i)"
    ),
    feminine=re.compile(
        r"[a-zà-ÿ]+(?:a|zione|sione|gione|tà|tù|trice|udine|igine)|"
        r"(?:ore|tazze|volte|settimane|mano|foto|moto|radio|auto|notte|parte|luce|voce|"
        r"nave|chiave|legge|gente|carne|fonte|base|frase|torre|rete|croce|sede|fase|classe|serie|specie|morte|moglie|"
        r"madre|mente|fine|stazione|crisi|tesi|analisi|ipotesi|opinione|unione|regione|riunione|lezione|sete|fame)"
    ),
    not_nouns=words(
        "a ad ai al alla alle agli allo anche che chi ci come con contro da dai dal dalla dalle dallo di del "
        "della delle dei degli dello dopo dove durante e ed era erano fino fra ha hanno i il in la le lo gli "
        "ma mentre ne nei nel nella nelle negli nello no non o oppure per perché più meno poi prima quando se "
        "senza si sia sono è su sui sul sulla sulle sullo tra un una uno verso va fu"
    ),
    labels=re.compile(
        r"(?:pagin[ae]|capitol[oi]|numer[oi]|articol[oi]|versione|grupp[oi]|tema|unità|canale|camera|stanza|sala|porta|"
        r"anni|riga|livello|fase|tomo|figura|tabella|lezione|esercizio|via|chilometro|volo)$",
        re.IGNORECASE,
    ),
    to="a",
    between={"tra": "e", "fra": "e"},
    from_="da ",
    openers=words(
        "da dal dalle dai dagli il lo la i gli le del della delle dei al alle ai nel nelle un una"
    ),
    ordinals={"º": "masculine", "ª": "feminine", "°": "masculine", "o": "masculine", "a": "feminine"},
    halves=("mezzo", "mezza"),
    and_a_half=("e mezzo", "e mezza"),
    and_="e",
    fractions={
        2: ("mezzo", "mezzi"), 3: ("terzo", "terzi"), 4: ("quarto", "quarti"), 5: ("quinto", "quinti"),
        6: ("sesto", "sesti"), 7: ("settimo", "settimi"), 8: ("ottavo", "ottavi"), 9: ("nono", "noni"),
        10: ("decimo", "decimi"), 12: ("dodicesimo", "dodicesimi"), 16: ("sedicesimo", "sedicesimi"),
        20: ("ventesimo", "ventesimi"), 100: ("centesimo", "centesimi"), 1000: ("millesimo", "millesimi"),
    },
    of_year="del",
    over="su",
    of="di ",
    date="{day} {month}",
    year=" ",
    first="primo",
    before_dates="il|dal|al|del|entro il|giorno",
    clock=("{h} e {m}", "{h} e {m}", "{h}", "{h}"),
    hours=("ora", "ore"),
    dotted_times="alle|dalle|ore|le|all'|fino alle",
    duration=(", ", " e "),
    phones=(
        r"3\d\d[ .-]\d{3}[ .-]?\d{3,4}", r"3\d\d[ .-]\d{6,7}", r"0\d{1,3}[ ./-]\d{5,8}",
        r"0\d{1,3}[ .-]\d{3,4}[ .-]\d{3,4}",
        r"[84]00[ .-]\d{3}[ .-]?\d{3}",
    ),
    currencies={
        "EUR": ("euro", "euro", "centesimo", "centesimi"), "USD": ("dollaro", "dollari", "centesimo", "centesimi"),
        "GBP": ("sterlina", "sterline", "penny", "pence"), "JPY": ("yen", "yen", "sen", "sen"),
        "BRL": ("real", "real", "centesimo", "centesimi"), "CNY": ("yuan", "yuan", "fen", "fen"),
        "CHF": ("franco svizzero", "franchi svizzeri", "centesimo", "centesimi"),
    },
    cents="{euros} e {counted}",
    scales={
        "milione": ("milione", "milioni"), "milioni": ("milione", "milioni"), "mln": ("milione", "milioni"),
        "M": ("milione", "milioni"), "miliardo": ("miliardo", "miliardi"), "miliardi": ("miliardo", "miliardi"),
        "mld": ("miliardo", "miliardi"), "mila": ("mila", "mila"), "k": ("mila", "mila"),
    },
    of_free=frozenset({"mila", "k"}),
    per="per",
    units={
        "%": ("per cento", "per cento"), "t": ("tonnellata", "tonnellate"), "dB": ("decibel", "decibel"),
        "mph": ("miglio orario", "miglia orarie"), "Mbps": ("megabit al secondo", "megabit al secondo"),
    },
    regnal_ordinals=4000,
    kings="Luigi|Filippo|Carlo|Francesco|Enrico|Giorgio|Guglielmo|Edoardo|Pio|Giovanni Paolo|Giovanni|Benedetto|Leone|"
    "Gregorio|Innocenzo|Clemente|Paolo|Napoleone|Pietro|Nicola|Alessandro|Ivan|Gustavo|Alberto|Leopoldo|Umberto|"
    "Vittorio Emanuele|Emanuele|Federico|Riccardo|Giacomo|Roberto|Alfonso|Ferdinando|Urbano|Sisto|Giulio|Amedeo|"
    "Cosimo|Ramses|Ottone|Bonifacio|Celestino|Felipe|Harald",
    queens="Elisabetta|Caterina|Maria|Giovanna|Cristina|Margherita|Sofia|Cleopatra|Beatrice",
    romans=(
        (r"\b{roman}\b(?= e (?:il )?[IVX]{1,7} secolo)", "m"),
        (r"\b{roman}\b(?= (?:secolo|sec\.|[Cc]ongresso|[Ff]estival|concorso|anniversario|canto|Reich|premio))", "m"),
        (r"\b(?:[Ss]ecolo|[Cc]apitolo|[Tt]itolo|[Tt]omo|[Aa]tto|[Vv]olume|[Cc]anto|[Ll]ibro) {roman}\b", "m"),
        (r"\b{roman}\b(?= (?:[Gg]uerra|[Ee]dizione|[Ff]iera|[Rr]epubblica|[Bb]iennale|[Ll]egislatura))", "f"),
    ),
    abbreviations={
        "sig.": "signor", "Sig.": "signor", "sig.ra": "signora", "Sig.ra": "signora", "sig.na": "signorina",
        "Sig.na": "signorina", "sigg.": "signori", "dott.": "dottor", "Dott.": "dottor", "dr.": "dottor",
        "Dr.": "dottor", "dott.ssa": "dottoressa", "Dott.ssa": "dottoressa", "prof.": "professor",
        "Prof.": "professor", "prof.ssa": "professoressa", "Prof.ssa": "professoressa", "ing.": "ingegner",
        "Ing.": "ingegner", "avv.": "avvocato", "Avv.": "avvocato", "on.": "onorevole", "On.": "onorevole",
        "arch.": "architetto", "geom.": "geometra", "ecc.": "eccetera", "etc.": "eccetera", "ad es.": "ad esempio",
        "p. es.": "per esempio", "p.es.": "per esempio", "es.": "esempio", "n.": "numero", "N.": "numero",
        "n°": "numero", "N°": "numero", "nº": "numero", "pag.": "pagina", "pagg.": "pagine", "cap.": "capitolo",
        "art.": "articolo", "vol.": "volume", "tel.": "telefono", "Tel.": "telefono", "p.zza": "piazza",
        "P.zza": "piazza", "v.le": "viale", "V.le": "viale", "c.so": "corso", "C.so": "corso", "ca.": "circa",
        "max.": "massimo", "a.C.": "avanti Cristo", "d.C.": "dopo Cristo", "a. C.": "avanti Cristo",
        "d. C.": "dopo Cristo", "S.p.A.": "società per azioni", "SpA": "società per azioni",
        "s.r.l.": "società a responsabilità limitata",
        "S.r.l.": "società a responsabilità limitata", "vs.": "contro", "sec.": "secolo", "e/o": "e o",
        "c.c.": "conto corrente", "al kg": "al chilo",
    },
    closing=frozenset({"ecc.", "etc.", "a.C.", "d.C.", "a. C.", "d. C.", "S.p.A.", "S.r.l.", "ca.", "sec."}),
    signs={
        "^": "alla",
        "&": "e", "@": "chiocciola", "+": "più", "=": "uguale", "×": "per", "÷": "diviso", "±": "più o meno",
        "≈": "circa", "≠": "diverso da", "<": "minore di", ">": "maggiore di", "≤": "minore o uguale a",
        "≥": "maggiore o uguale a", "#": "numero", "§": "paragrafo", "%": "per cento", "€": "euro", "$": "dollari",
        "£": "sterline", "°": "gradi", "√": "radice quadrata di", "→": "a", "²": "al quadrato", "³": "al cubo",
    },
    letters=letter_names(
        "a,bi,ci,di,e,effe,gi,acca,i,i lunga,cappa,elle,emme,enne,o,pi,cu,erre,esse,ti,u,vu,doppia vu,ics,ipsilon,zeta"
    ),
    spelt=frozenset({"UE", "FMI", "FBI", "IBM", "USB", "URL", "IP", "ID"}),
    web={
        ".": "punto", "@": "chiocciola", "/": "barra", "-": "trattino", "_": "trattino basso", ":": "due punti",
        "?": "punto di domanda", "=": "uguale", "&": "e", "#": "cancelletto", "%": "per cento", "+": "più",
        "~": "tilde",
    },
)  # fmt: skip
