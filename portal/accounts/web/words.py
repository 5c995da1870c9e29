"""Words for what staff look at to see who somebody is."""

from __future__ import annotations

from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString

from portal.accounts.proofs import Proof

PROOFS: dict[Proof, LazyString] = {
    Proof.MY_NUMBER_CARD: lazy_gettext("マイナンバーカード"),
    Proof.LICENCE: lazy_gettext("運転免許証"),
    Proof.PASSPORT: lazy_gettext("パスポート"),
    Proof.RESIDENCE_CARD: lazy_gettext("在留カード"),
    Proof.DISABILITY: lazy_gettext("障害者手帳"),
    Proof.OTHER_PHOTO: lazy_gettext("顔写真のある、ほかの公的な証明書"),
    Proof.INSURANCE: lazy_gettext("健康保険の資格確認書(ほかにもう1つ)"),
    Proof.PENSION: lazy_gettext("年金の手帳・証書(ほかにもう1つ)"),
    Proof.OTHER: lazy_gettext("そのほかの書類(ほかにもう1つ)"),
}
