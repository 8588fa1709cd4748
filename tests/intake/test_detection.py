"""Which language a text is in, and which texts are too little to say."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from voxdemo.intake.detection import HEAD_CHARS, detected

IN_LANGUAGES = [
    ("en", "Good morning, everyone."),
    ("en", "Guten Tag means good day in German."),
    ("en", "The El Niño effect is warm this year."),
    ("en", "Please meet us this evening at the Hotel de la Paix in Genève."),
    ("es", "Me gusta el café con leche."),
    ("es", "Quiero una cerveza, por favor."),
    ("es", "El tren sale a las ocho."),
    ("es", "¡Hola!"),
    ("es", "¿Qué tal?"),
    ("es", "BUENOS DÍAS A TODOS LOS NIÑOS"),
    ("es", "El tren sale a las 8:30 de la mañana."),
    ("fr", "Merci beaucoup pour votre aide."),
    ("fr", "Le train part à huit heures du matin."),
    ("it", "Grazie mille per il tuo aiuto."),
    ("it", "Il treno parte alle otto di mattina."),
    ("pt", "Obrigado pela sua ajuda."),
    ("pt", "O trem sai às oito da manhã."),
    ("de", "Der Zug fährt um acht Uhr ab."),
    ("de", "Ich bin hier."),
    ("nl", "De trein vertrekt om acht uur."),
    ("sv", "Tåget går klockan åtta."),
    ("da", "Toget kører klokken otte."),
    ("fi", "Juna lähtee kello kahdeksan."),
    ("pl", "Pociąg odjeżdża o ósmej."),
    ("cs", "Vlak odjíždí v osm hodin."),
    ("ro", "Trenul pleacă la ora opt."),
    ("tr", "Tren saat sekizde kalkıyor."),
    ("vi", "Chuyến tàu khởi hành lúc tám giờ."),
    ("id", "Kereta berangkat pukul delapan pagi."),
    ("ca", "El tren surt a les vuit del matí."),
    ("ru", "Поезд отправляется в восемь часов утра."),
    ("uk", "Привіт, як справи?"),
    ("ar", "مرحبا، كيف حالك؟"),
    ("fa", "سلام، حال شما چطور است؟"),
    ("hi", "नमस्ते, आप कैसे हैं?"),
    ("ko", "안녕하세요"),
    ("el", "Γειά σου κόσμε"),
    ("he", "שלום עולם"),
    ("th", "สวัสดีชาวโลก"),
    ("ja", "こんにちは、世界。"),
    ("ja", "東京タワー"),
    ("zh", "你好，世界。"),
    ("zh", "我喜欢用 Python 编程。"),
    ("zh", "日语里的「の」怎么读？我们今天来学习这个词的用法。"),
]
UNSAID = [
    "", "   ", "...", "123 456", "Hello!", "OK", "Taxi", "Café", "No", "Test", "Bonjour", "Hola", "Ciao", "Ready.",
    "Pizza Margherita", "Barcelona", "La La Land", "San Francisco", "Santa Maria del Fiore", "La Traviata", "El Niño",
    "Der Spiegel", "Kindergarten", "Cristiano Ronaldo", "Ludwig van Beethoven", "Rio de Janeiro", "São Paulo",
    "Vincent van Gogh", "La Vie en Rose", "Cirque du Soleil", "Casa de la Marina", "Leonardo da Vinci",
    "iPhone 15 Pro Max", "Adobe Photoshop Elements 2024", "OpenAI Realtime API", "npm install --save-dev eslint",
    "import numpy as np", "def main(args): return None", "SELECT * FROM users WHERE id = 1",
    "https://example.com/la/casa/de/papel", "info@esempio.it, info@ejemplo.es", "ha ha ha ha", "la la la la la",
    "no no no", "do re mi fa sol la", "lorem ipsum dolor sit amet consectetur adipiscing elit",
]  # fmt: skip


@pytest.mark.parametrize(("language", "text"), IN_LANGUAGES)
def test_a_text_is_known_by_its_letters_and_words(language: str, text: str) -> None:
    assert detected(text) == language


@pytest.mark.parametrize("text", UNSAID)
def test_of_names_code_and_a_word_or_two_nothing_is_said(text: str) -> None:
    assert detected(text) is None


def test_a_long_text_is_known_by_its_beginning() -> None:
    assert detected("The train leaves at eight in the morning. " * 40 + "El tren sale. " * 2_000) == "en"
    assert detected("!" * HEAD_CHARS + " El tren sale a las ocho de la mañana.") is None


def test_several_threads_may_ask_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(detected, [f"El tren sale a las ocho de la mañana, {name}." for name in "abcdefgh"])
    assert set(found) == {"es"}


NO_ROOM = """
import errno, tempfile
whole = tempfile.TemporaryFile
def full(*_, **__): raise OSError(errno.ENOSPC, "No space left on device")
tempfile.TemporaryFile = full
from voxdemo.intake import detection
assert detection.detected("El tren sale a las ocho.") is None
tempfile.TemporaryFile = detection.TemporaryFile = whole
assert detection.detected("El tren sale a las ocho.") == "es"
"""


def test_without_room_for_the_detector_nothing_is_detected_until_there_is() -> None:
    told = subprocess.run([sys.executable, "-c", NO_ROOM], capture_output=True, text=True, check=False)
    assert (told.returncode, "languages can't be detected: No space left" in told.stderr) == (0, True), told.stderr
