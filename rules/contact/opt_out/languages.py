"""Opt-outs in the languages of the US other than English, the largest communities first.

A listed word is an opt-out only if it is the whole text, apart from a "please"; a listed phrase is
one anywhere in the text. A word such as "cancel" counts only alone, because in a sentence it may be
about a visit. Ambiguous expressions are included.

Sources: the Census Bureau's American Community Survey, table B16001, for which languages; for
words, the opt-out keywords of AWS End User Messaging and Twilio's Advanced Opt-Out (ARRET, PARAR,
ALTO and similar) and of Chinese carriers (TD, T, 退订); otherwise the plain imperatives of "stop",
"end", "do not write" and "wrong number" in each language.

The tables are regular expressions: words separated by bars, phrases one per line.
"""

import re

from rules.contact.opt_out.lookalikes import in_its_script, plain_letters

# In a to z, without accents.
_WORDS = {
    "Spanish": r"""
        alto | parar? | paren | pare | para ya | baja | basta(?: ya)? | cancelar |
        cancele(?:n|lo)? | detener | salir | detengan?(?:se)? | detente | dejar |
        deje(?:n)? | fin | terminar | termine(?:n)? | anular | suspender | suspenda(?:n)? |
        eliminar | borrar | remover | quitar | desuscribir(?:me|se)? | renunciar |
        finalizar | darse? de baja | no moleste(?:n)? | (?:ya )?no mas | no quiero(?: nada)? |
        cancelar (?:la |mi )?suscripcion |
        (?:cancelar?|basta(?: de)?|alto a) (?:los |estos |sus )?mensaj\w+ |
        quiero salir(?:me)? | dar de baja |
        parale | ya basta | alto ya
    """,
    "French": r"""
        arret | arrete(?:r|z)? | cesse(?:r|z)? | desabonne(?:r|z|ment)? |
        desinscri(?:re|ption|vez) | annule(?:r|z)? | resilie(?:r|z)? | fin | terminer |
        supprimer | retirer | ca suffit | assez
    """,
    "Haitian Creole": r"""
        sispann | rete | kanpe | fini | anile | retire | bloke | ase | kite m |
        pa voye anko | mwen pa vle anko
    """,
    "Portuguese": r"""
        parar | pare(?:m)? | sair | cancelar | cancele(?:m)? | descadastrar | remover |
        remova | chega | basta | desinscrever | encerrar | excluir | para com isso |
        nao quero mais
    """,
    "German": r"""
        stopp(?:en)? | halt | abmelden | abbestellen | aufhoren | aufhoeren | ende |
        beenden | schluss | kundigen | kuendigen | loschen | loeschen | widerruf |
        widerrufen | austragen | genug | lass das | lassen sie das
    """,
    "Italian": r"""
        basta | ferma(?:te|tevi|re)? | fermati | smetti(?:la)? | smettere | annulla(?:re)? |
        cancella(?:mi|re)
    """,
    "Tagalog": r"""
        itigil(?: na| mo| nyo| ninyo| po)* | tigil(?:an)?(?: na| mo| nyo| ninyo| po)* |
        tama na(?: po)? | hinto | ihinto(?: na| po)* | huminto | huwag(?: na| po)* |
        wag(?: na| po)* | ayaw(?: ko)?(?: na| po)* | ayoko(?: na| po)* | alisin |
        tanggalin | kanselahin | sapat na
    """,
    "Polish": r"""
        koniec | wypisz(?: mnie)? | przestan(?:cie)? | anuluj | rezygnuje | dosc
    """,
}
_PHRASES = {
    "Spanish": r"""
        no (?:me|nos) (?:vuelvan? a )?(?:envi|mand|escrib|contact|llam|molest|text|busqu)\w*
        no (?:me|nos) (?:vuelvan? a )?comuni\w*
        no (?:envien?|manden?|escriban?|contacten?|llamen?|molesten?)(?: mas\b| nada\b| mensaj\w+|$)
        no (?:llamen?|escriban?|envien?|manden?)(?: \w+){0,2} al? (?:este|mi) (?:numero|telefono)
        no (?:vuelvan?|vuelvas) a (?:llam|escrib|contact|mand|envi|molest|text)\w+
        (?:pare|paren|basta|detengan?|cancelen?)(?: de| con)?(?: los| estos| sus)? mensaj\w+
        no (?:autorizo|consiento|acepto|doy permiso)(?: a)? (?:que|para que) me (?:\w+)
        (?:deje|dejen|deja|dejar) de (?:\w+ )?(?:envi\w+|mand\w+|escrib\w+|contact\w+)
        (?:pare|paren|parar|para) de (?:\w+ )?(?:envi\w+|mand\w+|escrib\w+|contact\w+)
        (?:deje|dejen|deja|dejar) de (?:\w+ )?(?:llam\w+|molest\w+|text\w+|acosar\w*)
        (?:pare|paren|parar|para) de (?:\w+ )?(?:llam\w+|molest\w+|text\w+|acosar\w*)
        (?:no|ni un) mas (?:mensaj\w+|textos?|llamad\w+|sms)
        sin mensaj\w+
        no (?:quiero|deseo|autorizo|acepto)(?: \w+){0,3} (?:mensaj\w+|textos?|llamad\w+|sms)
        no quiero que me (?:\w+)
        dej\w+ en paz
        dejame en paz
        dejenme (?:en paz|tranquil\w)
        (?:dar(?:me|nos)|denme|deme|dame) de baja
        no (?:me|nos) interesa
        (?:quit\w+|borr\w+|elimin\w+|saqu\w+|remuev\w+) (?:me |mi (?:numero|nombre)|de la lista)
        (?:quiteme|quitenme|quitame|borreme|borrenme)
        (?:saquenme|saqueme|eliminenme|elimineme|remuevame|remuevanme)
        (?:numero|persona|telefono) equivocad[oa]
        se equivoc\w+ de (?:numero|persona)
        no es (?:mi|su|el) (?:numero|telefono)
        no soy (?:esa persona|ell?a?)\b
        falleci\w*
        murio
        bancarrota
        abogad[oa]s?
        no debo
        no es mi (?:deuda|factura|cuenta)
    """,
    "French": r"""
        ne (?:me |m |nous )?(?:plus )?(?:contact|ecri|envo|appel|text)\w*(?: \w+){0,2} (?:plus|pas)
        ne (?:me |m |nous )?plus (?:contact|ecri|envo|appel|text|derang|harcel)\w*
        ne (?:me |m |nous )?(?:derang|harcel)\w*(?: \w+){0,2} (?:plus|pas)
        (?:arrete\w*|cesse\w*) (?:de |d )?(?:m |me |nous )?(?:envoyer|ecrire|contacter)
        (?:arrete\w*|cesse\w*) (?:de |d )?(?:m |me |nous )?(?:texter|appeler|harceler|deranger)
        plus (?:de |aucun )(?:messages?|textos?|sms|appels?)
        je ne veux plus
        me desabonner
        desabonne\w* moi
        retire\w* moi
        enleve\w* moi
        supprime\w* (?:moi|mon (?:numero|nom))
        retire\w* mon (?:numero|nom)
        (?:mauvais|faux) numero
        laisse\w* (?:moi|nous) tranquilles?
        foute\w* moi la paix
        avocat\w*
        decede\w*
        faillite
    """,
    "Haitian Creole": r"""
        (?:pa|sispann|rete) (?:janm )?(?:voye|ekri|rele)(?: \w+){0,2}(?: m| mwen| nou)
        (?:pa|sispann|rete) (?:janm )?(?:voye|ekri|rele)(?: \w+){0,2}(?: anko| mesaj\w*| tex\w*)
        (?:pa|sispann|rete) (?:janm )?(?:kontakte|tekste)(?: \w+){0,2}(?: m| mwen| nou)
        (?:pa|sispann|rete) (?:janm )?(?:deranje|anmede)(?: \w+){0,2}(?: m| mwen| nou)
        (?:pa|sispann|rete) (?:janm )?(?:kontakte|tekste)(?: \w+){0,2}(?: anko)
        (?:pa|sispann|rete) (?:janm )?(?:kontakte|tekste)(?: \w+){0,2}(?: mesaj\w*| tex\w*)
        (?:pa|sispann|rete) (?:janm )?(?:deranje|anmede)(?: \w+){0,2}(?: anko| mesaj\w*| tex\w*)
        sispann (?:voye|ekri|rele)
        retire (?:m|mwen|non mwen|nimewo mwen)
        move nimewo
        kite (?:m|mwen) (?:anpe|trankil)
        pa nimewo (?:m|mwen)
        pa vle (?:resevwa|mesaj)
    """,
    "Portuguese": r"""
        nao (?:me |nos )?(?:mand\w+|envi\w+|escrev\w+)(?: mais)?(?: (?:mensag\w+|sms|me|mais))?$
        nao (?:me |nos )?(?:lig(?:ue|uem|ar))(?: mais)?(?: (?:mensag\w+|sms|me|mais))?$
        nao (?:me |nos )?(?:contat\w+)(?: mais)?(?: (?:mensag\w+|sms|me|mais))?$
        nao (?:me |nos )?(?:perturb\w+|incomod\w+)(?: mais)?(?: (?:mensag\w+|sms|me|mais))?$
        (?:pare|parem|para|parar) de (?:me )?(?:mandar|enviar|escrever)
        (?:pare|parem|para|parar) de (?:me )?(?:ligar|contatar|perturbar|incomodar)
        nao (?:me )?(?:mande|envie|ligue|contate|perturbe)\w* mais
        nao quero(?: \w+){0,3} (?:mensag\w+|sms|ligac\w+)
        (?:chega de|sem mais|mais nenhuma) mensag\w+
        ^(?:por favor |favor )?me (?:tirem?|removam?|retirem?|excluam?|descadastrem?)
        me deixem? em paz
        (?:numero|pessoa) errad[oa]
        descadastr\w+
        advogad[oa]
    """,
    "German": r"""
        hor(?:en|t)?(?: sie| ihr)? (?:bitte )?(?:damit )?auf
        keine (?:weiteren |mehr )?(?:nachrichten|sms|texte|textnachrichten|anrufe)
        nicht (?:mehr )?(?:schreiben|anschreiben|anrufen|kontaktieren)
        nicht (?:mehr )?(?:simsen|melden|belastigen|belaestigen)
        (?:schreib\w*)(?: sie| ihr)?(?: mir| mich)?(?: bitte)?(?: nie)(?: mehr| an| wieder)*
        (?:schreib\w*)(?: sie| ihr)?(?: mir| mich)?(?: bitte)?(?: nicht)(?: mehr| an| wieder)*
        (?:ruf\w*)(?: sie| ihr)?(?: mir| mich)?(?: bitte)?(?: nie| nicht)(?: mehr| an| wieder)*
        (?:kontaktier\w*)(?: sie| ihr)?(?: mir| mich)?(?: bitte)?(?: nie)(?: mehr| an| wieder)*
        (?:kontaktier\w*)(?: sie| ihr)?(?: mir| mich)?(?: bitte)?(?: nicht)(?: mehr| an| wieder)*
        (?:text\w*)(?: sie| ihr)?(?: mir| mich)?(?: bitte)?(?: nie| nicht)(?: mehr| an| wieder)*
        (?:belastig\w*)(?: sie| ihr)?(?: mir| mich)?(?: bitte)?(?: nie)(?: mehr| an| wieder)*
        (?:belastig\w*)(?: sie| ihr)?(?: mir| mich)?(?: bitte)?(?: nicht)(?: mehr| an| wieder)*
        lass\w*(?: sie)? mich in ruhe
        falsche (?:nummer|person)
        meld\w* (?:sie )?mich ab
        (?:losch\w*|loesch\w*)(?: sie)? (?:mich|meine (?:nummer|daten))
        (?:entfern\w*|nehm\w*|streich\w*)(?: sie)? (?:mich|meine (?:nummer|daten))
        (?:rechts)?anwalt\w*
        verstorben\w*
    """,
    "Italian": r"""
        non (?:mi |scriver\w+ )?(?:scriv\w+|contatt\w+|chiam\w+)(?: piu| messaggi)
        non (?:mi |scriver\w+ )?(?:mand\w+|invi\w+|disturb\w+)(?: piu| messaggi)
        (?:smett\w+|basta) (?:di|con) (?:\w+ )?(?:messag\w+|scriver\w+|mandar\w+|chiamar\w+)
        basta messaggi
        numero sbagliato
    """,
    "Tagalog": r"""
        (?:huwag|wag)(?: \w+){0,4} (?:\w*text\w*|\w*tawag\w*|\w*mensahe|\w*kontak\w*)
        (?:huwag|wag)(?: \w+){0,4} (?:\w*istorbo\w*|magpadala|ipadala|guluhin)
        (?:huwag|wag)(?: \w+){0,4} (?:tumawag|sumulat|mag ?text)\w*
        (?:itigil|tigilan)(?: \w+){0,4} (?:\w*text\w*|\w*tawag\w*|\w*mensahe|ito)
        tigilan (?:mo|nyo|ninyo) (?:na )?ako
        (?:ayoko|ayaw ko)(?: \w+){0,4} (?:\w*text\w*|\w*mensahe|\w*tawag\w*|makatanggap)
        (?:alisin|tanggalin|burahin)(?: \w+){0,3} (?:ako|number ko|numero ko|pangalan ko)
        maling (?:numero|number|tao)
        hindi (?:ko ito|akin ang|ito ang) (?:numero|number)
    """,
}
_PLEASE = r"""
    por favor | s il (?:vous|te) plait | svp | silvouple | souple | bitte | per favore |
    po | paki | please | gracias | merci | mesi | danke | obrigad[oa] |
    salamat(?: po)? | ya | ahora | todo | todos | jetzt | sofort | maintenant | tout
"""

# In their own scripts; Vietnamese both with its accents and as it is typed without.
_SCRIPT_WORDS = {
    "Chinese": r"""
        停 | 停止 | 停停 | 停下 | 停了 | 取消 | 退订 | 退訂 | 退出 | 结束 | 結束 | 拒收 |
        拒绝 | 拒絕 | 不要 | 不要了 | 别发 | 別發 | 別傳 | 终止 | 終止 | 停止发送 |
        停止發送 | 取消订阅 | 取消訂閱 | 够了 | 夠了 | 屏蔽 | 删除 | 刪除 | 移除 | 不需要 |
        滚 | 滾 | t
    """,
    "Vietnamese": r"""
        dừng | dừng lại | dung | dung lai | ngừng | ngừng lại | ngưng | ngưng lại | ngung |
        ngung lai | hủy | huỷ | huy | hủy bỏ | huỷ bỏ | huy bo | thôi | thoi | hủy đăng ký |
        huỷ đăng ký | huy dang ky | chấm dứt | cham dut | đủ rồi | kết thúc | ket thuc |
        từ chối | tu choi | xóa | xoá | xoa | dừng nhắn tin
    """,
    "Korean": r"""
        중지 | 정지 | 그만 | 취소 | 해지 | 중단 | 거부 | 수신거부 | 수신 거부 | 스톱 |
        스탑 | 스돕 | 종료 | 탈퇴 | 끝 | 멈춰 | 멈추세요 | 그만해 | 그만해요 | 그만하세요 |
        하지마 | 하지 마 | 하지마세요 | 하지 마세요 | 됐어요 | 구독취소 | 구독 취소 | 차단 |
        삭제
    """,
    "Arabic": r"""
        قف | توقف | توقفوا | توقفي | ايقاف | وقف | اوقف | اوقفوا | الغاء | الغ | الغوا |
        الغاء الاشتراك | كفي | كفى | كفايه | كفاية | انهاء | ستوب | خلاص | حذف | رفض |
        انسحاب | بس | لا ترسل
    """,
    "Russian": r"""
        стоп | хватит | довольно | отписка | отписаться | отпишите | отпишись | отмена |
        отменить | отмените | конец | отказ | отказываюсь | остановить | остановите |
        остановитесь | прекратить | прекрати | прекратите | перестань | перестаньте |
        закончить | удалить | удалите | нет смс | выход | отвали | отстань | отстаньте
    """,
    "Ukrainian": r"""
        стоп | досить | відписатися | відпишіть | зупиніть | припиніть | скасувати | годі
    """,
    "Hindi": r"""
        रोको | रोकें | रोकिए | बंद | बंद करो | बंद करें | बन्द करो | बन्द करें | मत भेजो |
        रद्द करें | हटाओ
    """,
    "Japanese": r"""
        停止 | 中止 | 解除 | 配信停止 | 配信解除 | やめて | やめてください | 止めて |
        止めてください | ストップ | 退会 | 終了 | いらない
    """,
    "Persian and Urdu": r"""
        توقف | لغو | بس کنید | بس کن | بند کرو | بند کریں | روکو | ختم | متوقف
    """,
    "Hebrew": r"""
        הסר | הסירו | הסרה | עצור | עצרו | די | תפסיקו | להפסיק | בטל
    """,
    "Greek": r"""
        στοπ | σταματα | σταμάτα | σταματηστε | σταματήστε | διαγραφη | διαγραφή | τέλος
    """,
    "Armenian": r"""
        դադար | կանգ | կանգնեցրեք | վերջ
    """,
}
_SCRIPT_PHRASES = {
    "Chinese": r"""
        退订
        退訂
        取消(?:订阅|訂閱|短信|簡訊|通知)
        拒收
        停止(?:发|發|傳|传|短信|簡訊|讯息|訊息|联系|聯繫|聯絡|打扰|打擾|给我|給我|骚扰|騷擾)
        请停
        請停
        (?:不要|别|別|勿|莫|唔好)(?:再)?(?:发|發|给我|給我|联系|聯繫|聯絡|打扰|打擾)
        (?:不要|别|別|勿|莫|唔好)(?:再)?(?:打电话|打電話|傳|传|寄|骚扰|騷擾|烦我|煩我)
        不(?:想|要|愿|願)(?:再)?(?:收到|接收)
        (?:打|发|發|传|傳)错(?:了|人)
        (?:打|發|傳)錯(?:了|人)
        (?:号码|電話|电话|號碼)(?:错|錯|不对|不對)
        (?:错误|錯誤)(?:的)?(?:号码|號碼)
        (?:错|錯)(?:号|號)
        (?:删除|刪除|移除|删掉|刪掉)我
        律师
        律師
        破产
        破產
        去世
        过世
        過世
    """,
    "Vietnamese": r"""
        (?:đừng|dừng|dung|ngừng)(?: \w+){0,2} (?:nhắn|gửi|gởi|gọi|liên lạc|làm phiền)
        (?:ngưng|ngung|không được|thôi)(?: \w+){0,2} (?:nhắn|gửi|gởi|gọi|liên lạc|làm phiền)
        (?:đừng|dừng|dung|ngừng)(?: \w+){0,2} (?:nhan|gui|goi|lien lac|lam phien|quấy rầy)
        (?:ngưng|ngung|không được|thôi)(?: \w+){0,2} (?:nhan|gui|goi)
        (?:ngưng|ngung|không được|thôi)(?: \w+){0,2} (?:lien lac|lam phien|quấy rầy)
        (?:không|khong|ko|k) (?:muốn |muon )?(?:nhận|nhan) (?:tin|thêm|them)
        (?:sai|nhầm|nham|lộn) (?:số|so|người|nguoi)
        (?:xóa|xoá|xoa) (?:số|tên|so|ten)
        luật sư
    """,
    "Korean": r"""
        수신\s?거부
        그만\s?(?:보내|하|해|연락|문자)
        (?:보내지|연락하지|문자하지|전화하지|연락|문자|전화)\s?(?:마|말|하지\s?(?:마|말))
        중단해
        중지해
        멈춰
        차단
        삭제해
        잘못된\s?번호
        번호(?:가)?\s?(?:잘못|틀)
        잘못\s?(?:거|보내)
        구독\s?취소
        변호사
        파산
        돌아가셨
    """,
    "Russian": r"""
        \b(?:стоп|хватит|прекрат\w+|перестан\w+|отпи(?:ш|с)\w+|отста\w+|отвали\w*)\b
        \bне (?:надо |нужно )?(?:мне |нам )?(?:больше )?(?:пиш\w+|писать|звон\w+|присыла\w+)
        \bне (?:надо |нужно )?(?:мне |нам )?(?:больше )?(?:шл\w+|отправля\w+)
        \bне (?:надо |нужно )?(?:мне |нам )?(?:больше )?(?:беспоко\w+|тревож\w+)
        \bбольше не \w+
        \b(?:удалите|уберите|исключите) (?:меня|мой|номер)
        \bоставьте (?:меня|нас)
        не тот номер
        ошиблись номером
        вы ошиблись
        неправильный номер
        \bадвокат\w*
        \bбанкрот\w*
        \bумер(?:ла|ли)?\b
    """,
    "Arabic": r"""
        \bلا (?:ترسل\w*|تتصل\w*|تراسل\w*|تزعج\w*|تكتب\w*|اريد (?:رسائل|المزيد|اي|ان))
        \b(?:توقف\w*|كف\w*) عن
        الغاء الاشتراك
        \bاحذف\w* (?:رقمي|اسمي)
        رقم (?:خطا|خاطئ|غلط)
        الرقم (?:خطا|خاطئ|غلط)
        \bمحام\w*
        ما ترسل\w*
    """,
    "Hindi and Japanese": r"""
        मत भेज
        मैसेज (?:बंद|मत)
        गलत नंबर
        送らないで
        連絡しないで
        配信停止
        番号(?:違い|が違)
        間違い(?:電話|番号|です)
    """,
}
_SCRIPT_PLEASE = r"""
    đi | di | nhé | ạ | nha | giùm | lại | lai |
    请 | 請 | 谢谢 | 謝謝 | please | làm ơn | lam on | xin | xin vui lòng | 제발 |
    부탁(?:해요|합니다|드립니다)? | 해주세요 | 주세요 | пожалуйста | من فضلك |
    من فضلكم | رجاء | कृपया | お願いします
"""


def _any_word(*tables: str) -> str:
    """One regular expression for all the words of these tables."""
    words = (word.strip() for table in tables for word in re.split(r" \|\s", table))
    return "|".join(word for word in words if word)


def _any_phrase(table: dict[str, str]) -> str:
    """One regular expression for all the phrases of a table."""
    lines = [line.strip() for text in table.values() for line in text.splitlines()]
    return "|".join(f"(?:{line})" for line in lines if line)


_POLITE, _SCRIPT_POLITE = _any_word(_PLEASE), _any_word(_SCRIPT_PLEASE)
SPANISH_DEVICE_DIED = (
    r"\b(?:cel|celular|telefono|bateria|pila|carro|coche|computadora) (?:ya )?se (?:me )?murio\b"
)
_HARMLESS = re.compile(SPANISH_DEVICE_DIED)
_ALONE = re.compile(
    rf"(?:(?:{_POLITE}) )*(?:{_any_word(*_WORDS.values())})(?: (?:{_POLITE}|stop))*"
)
_ANYWHERE = re.compile(rf"\b(?:{_any_phrase(_PHRASES)})\b")
_SCRIPT_ALONE = re.compile(
    rf"(?:(?:{_SCRIPT_POLITE}) ?)*(?:{_any_word(*_SCRIPT_WORDS.values())})[了吧啊呀요]?"
    rf"(?: ?(?:{_SCRIPT_POLITE}))*"
)
_SCRIPT_ANYWHERE = re.compile(_any_phrase(_SCRIPT_PHRASES))


def says_stop_in_another_language(text: str) -> bool:
    """Whether `text`, a sentence or a whole text, is an opt-out."""
    plain = " ".join(re.sub(r"[^a-z0-9]+", " ", plain_letters(text)).split())
    if _ALONE.fullmatch(plain) or _ANYWHERE.search(_HARMLESS.sub(" ", plain)):
        return True
    shown = in_its_script(text)
    return bool(_SCRIPT_ALONE.fullmatch(shown) or _SCRIPT_ANYWHERE.search(shown))
