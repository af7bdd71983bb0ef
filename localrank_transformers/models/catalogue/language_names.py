"""Languages by their English names and ISO 639-1 codes (https://www.loc.gov/standards/iso639-2/php/code_list.php)."""

from __future__ import annotations

from difflib import get_close_matches

from localrank.contract.errors import InvalidRequestError
from localrank.contract.texts import shortened

__all__ = ["language_code"]

_LISTED = (
    "aa Afar|ab Abkhazian|ae Avestan|af Afrikaans|ak Akan|am Amharic|an Aragonese|ar Arabic|as Assamese|av Avaric|"
    "ay Aymara|az Azerbaijani|ba Bashkir|be Belarusian|bg Bulgarian|bi Bislama|bm Bambara|bn Bengali|bo Tibetan|br Breton|"
    "bs Bosnian|ca Catalan|ce Chechen|ch Chamorro|co Corsican|cr Cree|cs Czech|cu Church Slavonic|cv Chuvash|cy Welsh|"
    "da Danish|de German|dv Divehi|dz Dzongkha|ee Ewe|el Greek|en English|eo Esperanto|es Spanish|et Estonian|eu Basque|"
    "fa Persian|ff Fulah|fi Finnish|fj Fijian|fo Faroese|fr French|fy Western Frisian|ga Irish|gd Scottish Gaelic|"
    "gl Galician|gn Guarani|gu Gujarati|gv Manx|ha Hausa|he Hebrew|hi Hindi|ho Hiri Motu|hr Croatian|ht Haitian|"
    "hu Hungarian|hy Armenian|hz Herero|ia Interlingua|id Indonesian|ie Interlingue|ig Igbo|ii Sichuan Yi|ik Inupiaq|"
    "io Ido|is Icelandic|it Italian|iu Inuktitut|ja Japanese|jv Javanese|ka Georgian|kg Kongo|ki Kikuyu|kj Kuanyama|"
    "kk Kazakh|kl Greenlandic|km Khmer|kn Kannada|ko Korean|kr Kanuri|ks Kashmiri|ku Kurdish|kv Komi|kw Cornish|ky Kyrgyz|"
    "la Latin|lb Luxembourgish|lg Ganda|li Limburgish|ln Lingala|lo Lao|lt Lithuanian|lu Luba-Katanga|lv Latvian|"
    "mg Malagasy|mh Marshallese|mi Maori|mk Macedonian|ml Malayalam|mn Mongolian|mr Marathi|ms Malay|mt Maltese|"
    "my Burmese|na Nauru|nb Norwegian|nd North Ndebele|ne Nepali|ng Ndonga|nl Dutch|nn Norwegian Nynorsk|nr South Ndebele|"
    "nv Navajo|ny Chichewa|oc Occitan|oj Ojibwa|om Oromo|or Odia|os Ossetian|pa Punjabi|pi Pali|pl Polish|ps Pashto|"
    "pt Portuguese|qu Quechua|rm Romansh|rn Rundi|ro Romanian|ru Russian|rw Kinyarwanda|sa Sanskrit|sc Sardinian|"
    "sd Sindhi|se Northern Sami|sg Sango|si Sinhala|sk Slovak|sl Slovenian|sm Samoan|sn Shona|so Somali|sq Albanian|"
    "sr Serbian|ss Swati|st Southern Sotho|su Sundanese|sv Swedish|sw Swahili|ta Tamil|te Telugu|tg Tajik|th Thai|"
    "ti Tigrinya|tk Turkmen|tl Tagalog|tn Tswana|to Tonga|tr Turkish|ts Tsonga|tt Tatar|tw Twi|ty Tahitian|ug Uyghur|"
    "uk Ukrainian|ur Urdu|uz Uzbek|ve Venda|vi Vietnamese|vo Volapuk|wa Walloon|wo Wolof|xh Xhosa|yi Yiddish|yo Yoruba|"
    "za Zhuang|zh Chinese|zu Zulu"
)
_CODES = {entry[3:].lower(): entry[:2] for entry in _LISTED.split("|")}
_ALSO = {
    "castilian": "es",
    "farsi": "fa",
    "filipino": "tl",
    "flemish": "nl",
    "frisian": "fy",
    "gaelic": "gd",
    "kirghiz": "ky",
    "mandarin": "zh",
    "moldovan": "ro",
    "nynorsk": "nn",
    "bokmål": "nb",
    "norwegian bokmål": "nb",
    "no": "nb",
    "sami": "se",
    "slovene": "sl",
    "panjabi": "pa",
    "pushto": "ps",
    "oriya": "or",
    "uighur": "ug",
    "valencian": "ca",
}


def language_code(text: str) -> str:
    """Return the ISO 639-1 code of a language given by its English name, its code, or a code with a region (`pt-BR`).

    Raises:
        InvalidRequestError: There is none of that name; near names are offered.
    """
    name = text.strip().lower()
    base = name.replace("_", "-").partition("-")[0]
    for known in (name, base):
        if known in _ALSO:
            return _ALSO[known]
        if known in _CODES:
            return _CODES[known]
    if base in _CODES.values():
        return base
    near = [known.title() for known in get_close_matches(name, [*_CODES, *_ALSO], n=3)]
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    raise InvalidRequestError(
        f"{shortened(text)!r} is no language.",
        hint=f"{meant}Write its English name or its ISO 639-1 code, such as German or de.",
    )
