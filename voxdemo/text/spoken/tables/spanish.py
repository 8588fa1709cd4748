"""How figures and signs are read in Spanish."""

import re

from voxdemo.text.spoken.language import Table, letter_names, words

SPANISH = Table(
    code="es",
    points={",": "coma", ".": "punto"},
    minus="menos",
    plus="más",
    masculine=re.compile(
        r"(?:d[ií]|map|problem|program|tem|sistem|idiom|planet|clim|poem|dilem|esquem|comet|poet|atlet|dálmat|pirat|"
        r"(?!(?:l|v|rev|entrev|p|autop|conqu|ar)istas?$)[a-zñáéíóú]+ist|[a-zñ]*gram|síntom|panoram|diplom|sof|policí)as?"
    ),
    feminine=re.compile(
        r"[a-zñáéíóú]+(?:as?|ción|ciones|sión|siones|dad|dades|tad|tades|tud|tudes|umbres?)|"
        r"(?:mano|foto|moto|radio|noche|calle|clase|parte|mujer|flor|luz|llave|nube|serie|especie|tarde|muerte|fuente|"
        r"base|frase|torre|nave|red|vez|imagen|orden|voz|cruz|sede|fase|clave|señal|sal|piel|ley|actriz|región|"
        r"razón|opinión|unión|reunión|lección|gente|leche|carne|sangre|suerte|mente|hambre|corriente)(?:e?s)?|"
        r"veces|luces|voces|imágenes|órdenes|redes|regiones|razones|opiniones|uniones|reuniones"
    ),
    not_nouns=words(
        "a al ante bajo con contra de del desde durante e el en entre era es está están fue fueron ha han "
        "hasta la las lo los más menos ni no o para pero por porque pues que se según ser si sin sobre son su "
        "sus tras u un una y ya como cuando donde mientras también pm am estaba puede va van"
    ),
    labels=re.compile(
        r"(?:páginas?|capítulos?|números?|artículos?|versión|grupos?|tema|unidad|canal|habitación|sala|puerta|años?|"
        r"línea|nivel|fase|tomo|figura|tabla|lección|ejercicio|calle|kilómetro|día|planta|talla|vuelo)$",
        re.IGNORECASE,
    ),
    to="a",
    between={"entre": "y"},
    ordinals={
        "º": "masculine", "ª": "feminine", "er": "masculine-adjective", "ero": "masculine", "era": "feminine",
        "ro": "masculine", "ra": "feminine", "do": "masculine", "da": "feminine", "to": "masculine",
        "ta": "feminine", "mo": "masculine", "ma": "feminine", "vo": "masculine", "va": "feminine",
        "no": "masculine", "na": "feminine", "os": "masculine-plural", "as": "feminine-plural", "°": "masculine",
    },
    apocope="masculine-adjective",
    halves=("medio", "media"),
    and_a_half=("y medio", "y media"),
    and_="y",
    fractions={
        2: ("medio", "medios"), 3: ("tercio", "tercios"), 4: ("cuarto", "cuartos"), 5: ("quinto", "quintos"),
        6: ("sexto", "sextos"), 7: ("séptimo", "séptimos"), 8: ("octavo", "octavos"), 9: ("noveno", "novenos"),
        10: ("décimo", "décimos"), 12: ("doceavo", "doceavos"), 16: ("dieciseisavo", "dieciseisavos"),
        20: ("veinteavo", "veinteavos"), 100: ("centésimo", "centésimos"), 1000: ("milésimo", "milésimos"),
    },
    of_year="de",
    over="sobre",
    of="de ",
    date="{day} de {month}",
    year=" de ",
    before_dates="el|del|al|día|desde|hasta|fecha",
    clock=("{h} y {m}", "{h} {m}", "{h}", "{h} {hours}"),
    hours=("hora", "horas"),
    dotted_times="a las|son las|eran las|de las|desde las|hasta las|entre las|hacia las|sobre las|para las|tras las|"
    "a la|es la|era la|desde la|hasta la",
    duration=(", ", " y "),
    phones=(
        r"(?<=teléfono )\d{3}-\d{4}", r"(?<=teléfono: )\d{3}-\d{4}",
        r"[67]\d{8}", r"[6-9]\d\d \d{3} \d{3}", r"[6-9]\d\d(?: \d\d){3}", r"[6-9]\d \d{3} \d\d \d\d",
    r"\(\d{2,3}\) ?\d{3,4}[ -]\d{4}", r"\d\d \d{4} \d{4}"),
    currencies={
        "EUR": ("euro", "euros", "céntimo", "céntimos"), "USD": ("dólar", "dólares", "centavo", "centavos"),
        "GBP": ("libra", "libras", "penique", "peniques"), "JPY": ("yen", "yenes", "sen", "senes"),
        "BRL": ("real", "reales", "centavo", "centavos"), "MXN": ("peso", "pesos", "centavo", "centavos"),
        "CNY": ("yuan", "yuanes", "fen", "fenes"), "CHF": ("franco suizo", "francos suizos", "céntimo", "céntimos"),
    },
    cents="{euros} con {counted}",
    scales={
        "mil millones": ("mil millones", "mil millones"), "millón": ("millón", "millones"),
        "millones": ("millón", "millones"), "M": ("millón", "millones"), "mill.": ("millón", "millones"),
        "billón": ("billón", "billones"), "billones": ("billón", "billones"), "mil": ("mil", "mil"), "k": ("mil",
        "mil"),
    },
    of_free=frozenset({"mil", "k"}),
    per="por",
    units={"dB": ("decibelio", "decibelios"), "Mbps": ("megabit por segundo", "megabits por segundo")},
    regnal_ordinals=10,
    kings="Luis|Felipe|Carlos|Fernando|Alfonso|Enrique|Jorge|Guillermo|Eduardo|Pío|Juan Pablo|Juan|Benedicto|"
    "Francisco|León|Gregorio|Inocencio|Clemente|Pablo|Napoleón|Pedro|Jaime|Jacobo|Sancho|Ramiro|Ricardo|Federico|"
    "Nicolás|Alejandro|Iván|Gustavo|Alberto|Leopoldo|Balduino|Manuel|Humberto|José|Ramsés|Urbano|Sixto|Julio",
    queens="Isabel|Catalina|María|Juana|Cristina|Margarita|Sofía|Cleopatra|Beatriz",
    romans=(
        (r"\b[Ss]iglos? {roman}\b", "king"),
        (r"\b[Ss]iglos? \w+(?: y| a| al) {roman}\b", "king"),
        (r"\b(?:[Cc]apítulo|[Tt]ítulo|[Tt]omo|[Aa]cto|[Vv]olumen|[Aa]rtículo|[Cc]ongreso) {roman}\b", "king"),
        (r"\b{roman}\b(?= (?:Guerra|Edición|edición|Cumbre|Feria|República|Jornadas?|Bienal|Copa|Internacional))", "f"),
        (r"\b{roman}\b(?= (?:Congreso|Premio|Festival|Concurso|Encuentro|[Aa]niversario|Plan|Foro|Reich))", "m"),
    ),
    abbreviations={
        "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores", "Dr.": "doctor", "Dra.": "doctora",
        "Dres.": "doctores", "D.": "don", "Dña.": "doña", "D.ª": "doña", "Prof.": "profesor", "Profa.": "profesora",
        "Lic.": "licenciado", "Ing.": "ingeniero", "Gral.": "general", "Ud.": "usted", "Uds.": "ustedes",
        "Vd.": "usted", "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "etc.": "etcétera", "n.º": "número",
        "N.º": "número", "nº": "número", "Nº": "número", "n°": "número", "N°": "número", "núm.": "número",
        "Núm.": "número", "Av.": "avenida", "Avda.": "avenida", "C/": "calle ", "Pza.": "plaza", "Ctra.": "carretera",
        "pág.": "página", "págs.": "páginas",
        "p.": "página", "pp.": "páginas", "cap.": "capítulo", "Cap.": "capítulo", "Art.": "artículo",
        "Pág.": "página", "art.": "artículo", "vol.": "volumen",
        "tel.": "teléfono", "Tel.": "teléfono", "tfno.": "teléfono", "aprox.": "aproximadamente", "máx.": "máximo",
        "mín.": "mínimo", "depto.": "departamento", "dpto.": "departamento", "Dpto.": "departamento",
        "EE. UU.": "Estados Unidos",
        "EE.UU.": "Estados Unidos", "EEUU": "Estados Unidos", "JJ. OO.": "Juegos Olímpicos", "a. C.": "antes de Cristo",
        "d. C.": "después de Cristo", "a.C.": "antes de Cristo", "d.C.": "después de Cristo",
        "S. A.": "sociedad anónima",
        "S.A.": "sociedad anónima", "a. m.": "de la mañana", "p. m.": "de la tarde", "a.m.": "de la mañana",
        "p.m.": "de la tarde", "vs.": "contra", "Sto.": "Santo", "Sta.": "Santa", "izq.": "izquierda",
        "dcha.": "derecha",
        "s/n": "sin número", "c/u": "cada uno", "y/o": "y o", "el kg": "el kilo", "por kg": "por kilo",
    },
    closing=frozenset({"etc.", "EE. UU.", "EE.UU.", "a. C.", "d. C.", "a.C.", "d.C.", "a. m.", "p. m.", "a.m.", "p.m.",
                       "S. A.", "S.A.", "Uds.", "Ud.", "aprox."}),
    signs={
        "^": "elevado a",
        "&": "y", "@": "arroba", "+": "más", "=": "igual a", "×": "por", "÷": "entre", "±": "más menos",
        "≈": "aproximadamente", "≠": "distinto de", "<": "menor que", ">": "mayor que", "≤": "menor o igual que",
        "≥": "mayor o igual que", "#": "número", "§": "sección", "%": "por ciento", "€": "euros", "$": "dólares",
        "£": "libras", "°": "grados", "√": "raíz cuadrada de", "→": "a", "²": "al cuadrado", "³": "al cubo",
    },
    letters=letter_names(
        "a,be,ce,de,e,efe,ge,hache,i,jota,ka,ele,eme,ene,o,pe,cu,erre,ese,te,u,uve,uve doble,equis,i griega,zeta"
    ),
    spelt=frozenset({"UE", "FMI", "ADN", "FBI", "IBM", "USB", "URL", "IP", "ID", "DNI"}),
    web={
        ".": "punto", "@": "arroba", "/": "barra", "-": "guion", "_": "guion bajo", ":": "dos puntos",
        "?": "interrogación", "=": "igual", "&": "y", "#": "almohadilla", "%": "por ciento", "+": "más",
        "~": "virgulilla",
    },
)  # fmt: skip
