"""How figures and signs are read in Brazilian Portuguese."""

import re

from voxdemo.text.spoken.language import Table, letter_names, words

PORTUGUESE = Table(
    code="pt",
    points={",": "vírgula", ".": "ponto"},
    minus="menos",
    plus="mais",
    decimals_agree=True,
    singular_below_two=True,
    masculine=re.compile(
        r"(?:di|map|problem|program|tem|sistem|idiom|planet|clim|poem|dilem|esquem|comet|poet|atlet|"
        r"(?!(?:l|v|rev|entrev|p|conqu)istas?$)[a-zà-ÿ]+ist|[a-z]*gram|sintom|panoram|diplom|telefonem|cinem|fantasm|pijam|trein)as?|avi(?:ão|ões)"
    ),
    feminine=re.compile(
        r"[a-zà-ÿ]+(?:as?|ção|ções|são|sões|dade|dades|tude|tudes|gens?|ice|ices|ãs?)|(?:mão|foto|moto|rádio|tribo|noite|"
        r"parte|mulher|flor|luz|nuvem|série|espécie|tarde|morte|fonte|base|frase|torre|nave|rede|vez|voz|cruz|sede|fase|"
        r"chave|lei|região|razão|opinião|gente|carne|sorte|ponte|rua|cor|dor|mãe|mente|equipe|classe|corrente|gravidez|"
        r"loja|crise|televisão|questão|gestão|greve|torcedora)(?:e?s)?|vezes|luzes|vozes|regiões|razões|opiniões|questões|mãos"
    ),
    not_nouns=words(
        "a à ao aos as às até com como contra da das de desde do dos e é ele ela em entre era está foi foram "
        "há já mais mas menos na nas nem no nos não o os ou para pela pelo por porque quando que são se sem "
        "ser seu sob sobre sua também tem têm um uma vão vai onde"
    ),
    labels=re.compile(
        r"(?:páginas?|capítulos?|números?|artigos?|versão|grupos?|tema|unidade|canal|quarto|sala|porta|anos|linha|nível|"
        r"fase|tomo|figura|tabela|lição|exercício|rua|quilômetro|dia|voo)$",
        re.IGNORECASE,
    ),
    to="a",
    between={"entre": "e"},
    ordinals={
        "º": "masculine", "ª": "feminine", "o": "masculine", "a": "feminine", "°": "masculine",
    },
    halves=("meio", "meia"),
    and_a_half=("e meio", "e meia"),
    and_="e",
    fractions={
        2: ("meio", "meios"), 3: ("terço", "terços"), 4: ("quarto", "quartos"), 5: ("quinto", "quintos"),
        6: ("sexto", "sextos"), 7: ("sétimo", "sétimos"), 8: ("oitavo", "oitavos"), 9: ("nono", "nonos"),
        10: ("décimo", "décimos"), 12: ("doze avos", "doze avos"), 16: ("dezesseis avos", "dezesseis avos"),
        20: ("vinte avos", "vinte avos"), 100: ("centésimo", "centésimos"), 1000: ("milésimo", "milésimos"),
    },
    of_year="de",
    score="a",
    over="sobre",
    of="de ",
    date="{day} de {month}",
    year=" de ",
    first="primeiro",
    before_dates="em|de|dia|até|desde|no|do|ao",
    clock=("{h} e {m}", "{h} e {m}", "{h} {hours}", "{h} {hours}"),
    hours=("hora", "horas"),
    duration=(", ", " e "),
    phones=(
        r"\d{3}\.\d{3}\.\d{3}-\d\d", r"\d\d\.\d{3}\.\d{3}/\d{4}-\d\d",
        r"\(\d\d\) ?9?\d{4}[- ]\d{4}", r"\d\d 9\d{4}[- ]\d{4}", r"9\d{4}-\d{4}", r"[2-5]\d{3}-\d{4}",
        r"0[3589]00[ -]?\d{3}[ -]?\d{4}", r"4\d{3}-\d{4}",
    ),
    currencies={
        "BRL": ("real", "reais", "centavo", "centavos"), "USD": ("dólar", "dólares", "centavo", "centavos"),
        "EUR": ("euro", "euros", "centavo", "centavos"), "GBP": ("libra", "libras", "centavo", "centavos"),
        "JPY": ("iene", "ienes", "sen", "sens"), "CNY": ("yuan", "yuans", "fen", "fens"),
        "MXN": ("peso", "pesos", "centavo", "centavos"), "ARS": ("peso", "pesos", "centavo", "centavos"),
        "CHF": ("franco suíço", "francos suíços", "centavo", "centavos"),
    },
    cents="{euros} e {counted}",
    scales={
        "milhão": ("milhão", "milhões"), "milhões": ("milhão", "milhões"), "mi": ("milhão", "milhões"),
        "M": ("milhão", "milhões"), "bilhão": ("bilhão", "bilhões"), "bilhões": ("bilhão", "bilhões"),
        "bi": ("bilhão", "bilhões"), "trilhão": ("trilhão", "trilhões"), "trilhões": ("trilhão", "trilhões"),
        "mil": ("mil", "mil"), "k": ("mil", "mil"),
    },
    of_free=frozenset({"mil", "k"}),
    per="por",
    units={
        "t": ("tonelada", "toneladas"), "dB": ("decibel", "decibéis"),
        "Mbps": ("megabit por segundo", "megabits por segundo"),
    },
    regnal_ordinals=10,
    kings="Pedro|João Paulo|João|Luís|Filipe|Felipe|Carlos|Fernando|Afonso|Henrique|Jorge|Guilherme|Eduardo|Pio|Bento|"
    "Francisco|Leão|Gregório|Inocêncio|Clemente|Paulo|Napoleão|Manuel|Miguel|José|Sancho|Duarte|Frederico|Nicolau|"
    "Alexandre|Ivan|Gustavo|Alberto|Leopoldo|Humberto|Ramsés|Urbano|Júlio|Ricardo|Jaime",
    queens="Elizabeth|Isabel|Catarina|Maria|Joana|Cristina|Margarida|Sofia|Cleópatra|Beatriz|Leonor",
    romans=(
        (r"\b[Ss]éculos? {roman}\b", "king"),
        (r"\b[Ss]éculos? \w+(?: e| a| ao) {roman}\b", "king"),
        (r"\b(?:[Cc]apítulo|[Tt]ítulo|[Tt]omo|[Aa]to|[Vv]olume|[Cc]ongresso) {roman}\b", "king"),
        (r"\b{roman}\b(?= (?:Guerra|[Ee]dição|Cúpula|Feira|República|Jornadas?|Bienal|Copa|Semana))", "f"),
        (r"\b{roman}\b(?= (?:Congresso|Prêmio|Festival|Encontro|aniversário|Plano|Fórum|Reich|Simpósio))", "m"),
    ),
    abbreviations={
        "Sr.": "senhor", "Sra.": "senhora", "Srta.": "senhorita", "Srs.": "senhores", "Dr.": "doutor",
        "Dra.": "doutora", "D.": "dom", "Prof.": "professor", "Profa.": "professora", "Prof.ª": "professora",
        "Eng.": "engenheiro", "Gen.": "general", "p. ex.": "por exemplo", "p.ex.": "por exemplo", "etc.": "etcétera",
        "nº": "número", "Nº": "número", "n.º": "número", "N.º": "número", "n°": "número", "N°": "número",
        "núm.": "número", "Av.": "avenida", "R.": "rua", "Pça.": "praça", "Rod.": "rodovia", "pág.": "página",
        "págs.": "páginas",
        "p.": "página", "pp.": "páginas", "cap.": "capítulo", "art.": "artigo", "vol.": "volume", "tel.": "telefone",
        "Tel.": "telefone", "aprox.": "aproximadamente", "máx.": "máximo", "mín.": "mínimo", "depto.": "departamento",
        "EUA": "Estados Unidos", "a.C.": "antes de Cristo", "d.C.": "depois de Cristo", "a. C.": "antes de Cristo",
        "d. C.": "depois de Cristo", "S.A.": "sociedade anônima", "S/A": "sociedade anônima", "Ltda.": "limitada",
        "Cia.": "companhia", "vs.": "contra", "Sto.": "Santo", "Sta.": "Santa", "s/n": "sem número", "e/ou": "e ou",
        "apto.": "apartamento", "séc.": "século", "o kg": "o quilo", "por kg": "por quilo", "obs.": "observação",
        "Obs.": "observação",
    },
    closing=frozenset({"etc.", "a.C.", "d.C.", "a. C.", "d. C.", "S.A.", "Ltda.", "Cia.", "aprox."}),
    signs={
        "^": "elevado a",
        "&": "e", "@": "arroba", "+": "mais", "=": "igual a", "×": "por", "÷": "dividido por", "±": "mais ou menos",
        "≈": "aproximadamente", "≠": "diferente de", "<": "menor que", ">": "maior que", "≤": "menor ou igual a",
        "≥": "maior ou igual a", "#": "número", "§": "parágrafo", "%": "por cento", "€": "euros", "R$": "reais",
        "$": "dólares", "£": "libras", "°": "graus", "√": "raiz quadrada de", "→": "a", "²": "ao quadrado",
        "³": "ao cubo",
    },
    letters=letter_names(
        "a,bê,cê,dê,e,efe,gê,agá,i,jota,cá,ele,eme,ene,o,pê,quê,erre,esse,tê,u,vê,dáblio,xis,ípsilon,zê"
    ),
    spelt=frozenset({"UE", "FMI", "FBI", "IBM", "USB", "URL", "IP", "ID", "IPVA", "BNDES"}),
    web={
        ".": "ponto", "@": "arroba", "/": "barra", "-": "hífen", "_": "sublinhado", ":": "dois pontos",
        "?": "interrogação", "=": "igual", "&": "e", "#": "cerquilha", "%": "por cento", "+": "mais", "~": "til",
    },
)  # fmt: skip
