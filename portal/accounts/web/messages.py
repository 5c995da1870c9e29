"""The library's messages in our words.

The library translates them itself at the moment of use, from the same catalogues; `_l` only marks them.
"""

from __future__ import annotations

from flask_babel import lazy_gettext


def _l(text: str) -> str:
    return text


#: Config key → (words, category).
MESSAGES: dict[str, tuple[str, str]] = {
    "API_ERROR": (_l("送られた内容を読めませんでした。もう一度試してください。"), "error"),
    "GENERIC_AUTHN_FAILED": (_l("メールアドレス(利用者番号)かパスワードがちがいます。"), "error"),
    "GENERIC_RECOVERY": (_l("登録されているメールアドレスなら、メールが届きます。"), "info"),
    "UNAUTHORIZED": (_l("このページを見ることはできません。"), "error"),
    "UNAUTHENTICATED": (_l("サインインしてください。"), "info"),
    "REAUTHENTICATION_REQUIRED": (_l("大切な設定を変える前に、もう一度パスワードを入力してください。"), "info"),
    "REAUTHENTICATION_SUCCESSFUL": (_l("本人であることを確認しました。"), "success"),
    "CONFIRM_REGISTRATION": (
        _l("%(email)s に確認のメールを送りました。メールのリンクを開くと、登録が終わります。"),
        "success",
    ),
    "EMAIL_CONFIRMED": (_l("メールアドレスを確認しました。サインインしてください。"), "success"),
    "ALREADY_CONFIRMED": (_l("メールアドレスは確認ずみです。サインインしてください。"), "info"),
    "INVALID_CONFIRMATION_TOKEN": (_l("リンクが正しくありません。もう一度、確認のメールを送ってください。"), "error"),
    "CONFIRMATION_EXPIRED": (
        _l("リンクの期限(%(within)s)が切れました。もう一度、確認のメールを送ってください。"),
        "error",
    ),
    "CONFIRMATION_REQUIRED": (
        _l("メールアドレスの確認がまだです。届いたメールのリンクを開くか、確認のメールをもう一度送ってください。"),
        "error",
    ),
    "CONFIRMATION_REQUEST": (_l("%(email)s が登録の途中なら、確認のメールが届きます。"), "success"),
    "EMAIL_ALREADY_ASSOCIATED": (_l("このメールアドレスは使えません。"), "error"),
    "PASSWORD_MISMATCH": (_l("パスワードがちがいます。"), "error"),
    "RETYPE_PASSWORD_MISMATCH": (_l("2つのパスワードが同じではありません。"), "error"),
    "INVALID_REDIRECT": (_l("ほかのサイトへは移動できません。"), "error"),
    "INVALID_RECOVERY_CODE": (_l("予備のコードがちがいます。"), "error"),
    "NO_RECOVERY_CODES_SETUP": (_l("予備のコードは、まだ作られていません。"), "info"),
    "PASSWORD_RESET_REQUEST": (
        _l("%(email)s が登録されていれば、新しいパスワードを決めるためのメールが届きます。"),
        "success",
    ),
    "PASSWORD_RESET_EXPIRED": (_l("リンクの期限(%(within)s)が切れました。もう一度、メールを送ってください。"), "error"),
    "INVALID_RESET_PASSWORD_TOKEN": (_l("リンクが正しくありません。もう一度、メールを送ってください。"), "error"),
    "PASSWORD_RESET_NO_LOGIN": (_l("新しいパスワードになりました。サインインしてください。"), "success"),
    "PASSWORD_RESET": (_l("新しいパスワードになりました。"), "success"),
    "PASSWORD_CHANGE": (_l("パスワードを変えました。"), "success"),
    "PASSWORD_IS_THE_SAME": (_l("いまと同じパスワードは使えません。"), "error"),
    "PASSWORD_NOT_PROVIDED": (_l("パスワードを入力してください。"), "error"),
    "INVALID_PASSWORD": (_l("パスワードがちがいます。"), "error"),
    "DISABLED_ACCOUNT": (_l("このアカウントは使えません。市役所に聞いてください。"), "error"),
    "EMAIL_NOT_PROVIDED": (_l("メールアドレスを入力してください。"), "error"),
    "INVALID_EMAIL_ADDRESS": (_l("メールアドレスの形がちがいます。例: hanako@example.jp"), "error"),
    "INVALID_CODE": (_l("コードがちがいます。"), "error"),
    "INVALID_INPUT": (_l("この内容は使えません。"), "error"),
    "INVALID_INPUT_LENGTH": (_l("長すぎます。短くしてください。"), "error"),
    "USER_DOES_NOT_EXIST": (_l("メールアドレスかパスワードがちがいます。"), "error"),
    "FORGOT_PASSWORD": (_l("パスワードを忘れたとき"), "info"),
    "LOGIN": (_l("サインインしてください。"), "info"),
    "REFRESH": (_l("もう一度サインインしてください。"), "info"),
    "ANONYMOUS_USER_REQUIRED": (_l("サインインしているあいだは使えないページです。"), "info"),
    "TWO_FACTOR_INVALID_TOKEN": (_l("確認コードがちがいます。"), "error"),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": (_l("確認コードを確かめました。"), "success"),
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (_l("確認コードを設定しました。"), "success"),
    "TWO_FACTOR_PERMISSION_DENIED": (_l("サインインからやり直してください。"), "error"),
    "TWO_FACTOR_METHOD_NOT_AVAILABLE": (_l("この方法は使えません。"), "error"),
    "TWO_FACTOR_DISABLED": (_l("確認コードを使わないようにしました。"), "success"),
    "TWO_FACTOR_SETUP_EXPIRED": (_l("時間(%(within)s)が過ぎました。はじめからやり直してください。"), "error"),
    "WEBAUTHN_EXPIRED": (_l("時間(%(within)s)が過ぎました。はじめからやり直してください。"), "error"),
    "WEBAUTHN_NAME_REQUIRED": (_l("パスキーの名前を入力してください。"), "error"),
    "WEBAUTHN_NAME_INUSE": (_l("「%(name)s」という名前のパスキーは、もうあります。"), "error"),
    "WEBAUTHN_NAME_NOT_FOUND": (_l("「%(name)s」という名前のパスキーはありません。"), "error"),
    "WEBAUTHN_NAME_DISALLOWED_CHARACTERS": (_l("パスキーの名前には、文字と数字を使ってください。"), "error"),
    "WEBAUTHN_CREDENTIAL_DELETED": (_l("パスキー「%(name)s」を消しました。"), "success"),
    "WEBAUTHN_REGISTER_SUCCESSFUL": (_l("パスキー「%(name)s」を登録しました。"), "success"),
    "WEBAUTHN_CREDENTIAL_ID_INUSE": (_l("このパスキーは、もう登録されています。"), "error"),
    "WEBAUTHN_UNKNOWN_CREDENTIAL_ID": (_l("このパスキーは登録されていません。"), "error"),
    "WEBAUTHN_ORPHAN_CREDENTIAL_ID": (_l("このパスキーは登録されていません。"), "error"),
    "WEBAUTHN_NO_VERIFY": (_l("パスキーを確かめられませんでした。もう一度試してください。"), "error"),
    "WEBAUTHN_CREDENTIAL_WRONG_USAGE": (_l("このパスキーは、ここでは使えません。"), "error"),
    "WEBAUTHN_MISMATCH_USER_HANDLE": (_l("このパスキーは、ほかの人のものです。"), "error"),
}

#: Words for the codes of `passwords.problems`.
PASSWORD_PROBLEMS = {
    "too_short": lazy_gettext("パスワードは10文字以上にしてください。"),
    "too_long": lazy_gettext("パスワードは128文字までです。"),
    "guessable": lazy_gettext("このパスワードは、ほかの人に当てられやすいです。ほかの言葉にしてください。"),
    "like_email": lazy_gettext("メールアドレスに似たパスワードは使えません。"),
}

#: Error codes of accounts → words.
TEXTS = {
    "too_many_guesses": lazy_gettext(
        "パスワードやコードのまちがいが続いたので、このネットワークからは15分ほどサインインできません。"
        "ほかの場所や、いつものスマートフォンからは使えます。"
    ),
    "email_taken": lazy_gettext("同時に同じ申し込みがありました。届いたメールを確認してください。"),
    "bad_grant": lazy_gettext("役割の指定がまちがっています。"),
    "account_identity_not_seen": lazy_gettext(
        "顔写真のある公的な証明書を1つ、ないときは、ほかの書類を2つ見てください。"
    ),
    "account_which_person": lazy_gettext("同じ名前と生年月日の人がいます。どの人か、えらんでください。"),
    "account_already_registered": lazy_gettext("この人は、もう登録されています。"),
    "account_bad_code": lazy_gettext(
        "利用者番号かコードがちがうか、コードが古くなっています。紙のとおりに入れてください。"
    ),
    "weak_password": lazy_gettext("パスワードが弱すぎます。"),
}
