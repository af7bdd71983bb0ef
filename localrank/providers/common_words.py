"""Words that running text of a language can hardly do without, and letters that few others have: data for `languages`.

A word stands under each language in which it is common. What is common in English too ("die", "in", "was") stands under English
as well, so that it speaks for neither.
"""

from __future__ import annotations

__all__ = ["LETTERS", "NAMING", "WORDS"]

WORDS: dict[str, str] = {
    "en": "a about after all also an and any are as at be because been before being between both but by can cannot could "
    "data den did die do does done during each el era fan far for from get given had has have having he her here "
    "his how i if in into is it its just like made make man many may me men met mi more most must my ni no not now "
    "of on one only or os other our out over own par pas per plus pour same set she should show sin so sobre some "
    "son such ten than that the their them then there these they this those through to two under up upon use used "
    "using van very via war was we were what when where whether which while who whom whose why will with within "
    "without would you your",
    "de": "ab aber alle als am an auch auf aus bei beim bis das dass dem den der des die dies diese diesem diesen dieser "
    "dieses durch ein eine einem einen einer eines es für gab geben gehen geht gibt haben hat hatte heißt hier hieß "
    "ich ihr im in ist jede jeden jeder jedes kann kein keine können man mehr mit müssen nach nicht noch nur ob "
    "oder sehr sein seine seiner seit sich sie sind so um und unter viel viele vom von vor war waren warum was "
    "welche welchem welchen welcher welches wenn wer werden wie wieder wird wo wurde wurden zu zum zur zwischen "
    "über",
    "es": "al cada como con cual cuando cuanto cuál cuáles cuándo cuántas cuánto cuántos cómo de del desde donde dónde el "
    "ella en entre era es esta estaba este esto está fue fueron ha hasta hay la las le lo los muy más no otra otro "
    "para pero por porque puede pueden que quien quienes quién quiénes qué se ser si sin sobre son su sus también "
    "tiene tienen todas todos un una uno y",
    "fr": "au aux avec ce ces cette combien comment dans de des du elle en est et il ils je la le les leur leurs mais ne "
    "nous on ont ou où par pas peut plus pour pourquoi quand que quel quelle quelles quels qui sa sans se ses son "
    "sont sur un une vous à était été être",
    "it": "al all alla alle anche che chi ci come con cosa da dal dall dalla dei del dell della delle deve di dopo dove "
    "erano gli ha hanno il in la le lo nel nell nella non ogni per perché più può quale quali quando quanti quanto "
    "questa questo se si sono su sua sull suo tutte tutti un una uno viene è",
    "pt": "ao aos as até cada com como da das de desta deste do dos ela ele em entre era essa esse esta este está foi "
    "foram há isso mais mas na nas no nos num numa não onde os ou para pela pelo pode podem por porque quais qual "
    "quando quanto quantos que quem se sem ser seu sua são também tem todas todos um uma é",
    "nl": "aan alle als bij dan dat de deze die dit door een en er gebruikt geen geselecteerde had hebt heeft het hij hoe "
    "hoeveel hun in is kan kunnen maar meer met moet naar niet nog of om onder ook op over te tot tussen uit uw van "
    "voor waar waarom wanneer waren wat welk welke werd werden wie worden wordt ze zich zijn zoals",
    "ca": "al als amb com de del dels des el els en entre era es fer ha la les més no on pel pels per però quan que qui "
    "què sense ser seu seva són també un una és",
    "ro": "al ale au care ce cu când cât câți de despre din dintre după era este fi fost la mai nu pe pentru poate prin "
    "sau se sunt să un una unde unei unui în și",
    "pl": "aby ale by był była było były co czy dla do gdzie go ich ile jak jaka jaki jakie jako jego jest kto która "
    "które którego której który na nie od oraz po pod przez przy się są tego tej to tylko tym we za ze że",
    "cs": "aby ale byl byla bylo být co do jak jako je jeho jejich jsou kde kdo kdy která které který mezi na nebo není "
    "od po podle pro před při se si tak ten to ve za ze že",
    "sk": "aby aj ako ale alebo bol bola bolo byť do ich je kde kto ktorá ktoré ktorý medzi na nie od po pre pri sa si sú "
    "to vo za čo že",
    "hr": "ali bi bila bilo bio da do gdje ili iz je kada kako kao kod koja koje koji na ne od po pri sa se su tko to uz "
    "za što",
    "hu": "az csak egy ez hogy hol hány is kell ki lehet meg mely melyik mi milyen mint nem pedig vagy van volt voltak és",
    "fi": "ei että ja joka jos kuin kuinka kuka kun mikä missä miten mutta myös niin ole oli olivat on ovat se sekä tai "
    "tämä",
    "sv": "att av blev de den det där efter eller en ett från för hade han har hur inte med mellan men och om på samt som "
    "så till vad var varför vem vid vilka vilken vilket är",
    "da": "af at blev de den der det efter eller en er et for fra han har hvad hvem hvilke hvilken hvor hvordan hvorfor "
    "ikke kan med mellem men og om på som til var ved",
    "nb": "at av ble de den der det eller en er et etter for fra han har hva hvem hvilke hvilken hvor hvordan hvorfor "
    "ikke kan med mellom men og om på som til var ved",
    "tr": "adet ait ama ancak bir bu buna bunu bunun da daha de değil diye en gibi göre hakkında hangi hangisi hem her "
    "iken ile ise için içinde kadar kaç kim kimdi kullanılır mi mı nasıl ne neden nedir nerede olan olarak oldu "
    "olduğu olduğunu sonra tarafından tüm var ve verir veya ya yeni zaman zamanda çok önce üzerinde şu",
    "vi": "bao bị cho chọn các cái có cũng của gì hay hoặc khi không là làm mà một người nhiều như những nào này phải ra "
    "sẽ theo thì thể trong trên tại từ và vào về với đã đó được đến để",
    "id": "ada adalah akan apa atau bagaimana berapa bisa dalam dan dapat dari dengan di ini itu juga karena ke kepada "
    "mana mengapa oleh pada sebagai siapa telah tidak untuk yang",
}
"""Language, by its ISO 639-1 code → its words."""

NAMING = (
    "al as são da das de dei del della den der des di die do dos du el ii la las le les lo los san te van von"
)
"""Words of `WORDS` that names have too."""

LETTERS: dict[str, str] = {
    "ß": "de",
    "äö": "de sv fi",
    "ü": "de tr hu es",
    "ñ¿¡": "es",
    "áíóú": "es pt cs sk hu ca vi",
    "é": "fr es pt it ca hu cs sk vi sv",
    "èêàù": "fr it ca pt vi",
    "ç": "fr pt ca tr",
    "ãõ": "pt vi",
    "œîëï": "fr",
    "ăâ": "ro vi",
    "șțşţ": "ro tr",
    "ąęłńśźż": "pl",
    "ćčšžđ": "hr cs sk",
    "ěřůťď": "cs sk",
    "őű": "hu",
    "å": "sv da nb fi",
    "æø": "da nb",
    "ğı": "tr",
    "đơư": "vi",
}
"""Letters → the languages in which they are common."""
