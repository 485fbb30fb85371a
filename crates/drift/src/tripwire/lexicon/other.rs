//! Terms of nine other languages, under the same concepts. Verbs that carry their own negation
//! (Japanese, Korean) stand for several concepts at once.

use super::{
    ALSO, ALWAYS, ANY, BEFORE, BEST, COVERT, Concepts, DECODE, DISREGARD, FROM, GIVE, HIDE,
    INSTEAD, MACHINE, MENTION, MIND, MODEL, MUST, NAUGHT, NOT, OBEY, ORDERS, OTHER, OUTSIDE, PLACE,
    PLEASE, PRIOR, PROCESS, READ, SECRET, SEND, TALK, TELL, TOOL, USE, USER, VOID, WHOLE, YOU,
};

/// German, French, Spanish, Portuguese, Italian.
const ROMANCE_AND_GERMAN: &[(Concepts, &str)] = &[
    (
        DISREGARD,
        "ignorier* | missacht* | vergiss | vergessen sie | überschreib* | setze außer kraft | \
         umgeh* | ignorez | ignore les | ignorer | oublie* | outrepass* | contourn* | ne \
         tenez pas compte de | ne tiens pas compte de | ignora | ignorad | ignoren | ignorar \
         | olvida* | olvide* | pasa por alto | haz caso omiso de | haga caso omiso de | \
         anula* | desconsider* | esqueça* | esquece* | ignori | ignorare | dimentica* | \
         trascura* | scavalca*",
    ),
    (
        VOID,
        "gelten nicht mehr | ungültig | aufgehoben | ne sont plus valables | ne s'appliquent \
         plus | caduc* | annulées | ya no son válidas | ya no se aplican | quedan anuladas | \
         não valem mais | não são mais válidas | deixam de valer | non valgono più | non sono \
         più valide | annullate",
    ),
    (
        HIDE,
        "verberg* | verheimlich* | verschweig* | geheim halten | verstecke* | cachez | cacher \
         | dissimul* | oculta* | oculte* | esconde* | esconda* | nasconder* | nascondi* | \
         nasconda* | occulta*",
    ),
    (
        TELL.or(MENTION),
        "erwähn* | sag | sage | sagen sie | sagen | mitteil* | teile mit | informier* | \
         verrat* | offenbar* | melde* | erzähl* | benachrichtig* | mentionn* | dis à | ne dis \
         | dites | dire | informez | informer | informe* | révél* | divulgu* | prévenez | \
         prévenir | préviens | signalez | avert* | menciona* | menciones | mencione* | digas \
         | diga | decir | dile | reveles | notifi* | avises | avise | mencionar | informar | \
         informa al | contar | conte | dizer | menzion* | dirlo | dire all'utente | informar* \
         | rivel* | comunic* | avvis* | svela*",
    ),
    (
        NOT,
        "nicht | nichts | niemandem | rien | personne | nada | nadie | ninguém | nulla | \
         nessuno | niemals | nie | ohne | kein | keine | keinen | keinesfalls | ne | n' | pas \
         | jamais | sans | aucun* | sin | nunca | jamás | sem | não | nao | non | mai | senza",
    ),
    (
        USER,
        "benutzer* | nutzer* | anwender* | dem kunden | kunde | utilisateur* | l'utilisateur* \
         | usager* | al usuario | usuario* | cliente* | usuário* | ao usuário | utente | \
         utenti | all'utente | l'utente | dell'utente | utilizador*",
    ),
    (
        ORDERS,
        "anweisung* | instruktion* | regeln | vorgaben | richtlinien | befehle | vorschriften \
         | systemprompt | consigne* | règles | directive* | instrucci* | reglas | directrices \
         | indicaciones | normas | instruç* | instruc* | regras | diretrizes | istruzion* | \
         regole | direttive | indicazioni | linee guida | invite système | órdenes",
    ),
    (
        PRIOR,
        "vorherig* | vorigen | bisherig* | früher* | vorangegangen* | obigen | deine | ihre | \
         bestehend* | précédent* | antérieur* | vos | tes | ci-dessus | existant* | anterior* \
         | previas | previos | tus | sus | existentes | suas | seus | prévias | precedent* | \
         tue | vostre | esistent*",
    ),
    (
        MODEL,
        "assistent* | ki-modell | sprachmodell | l'assistant | modèle | asistente | modelo | \
         assistente | modello | l'ia",
    ),
    (YOU, "du | dein* | sie müssen | vous | votre | usted | você | devi"),
    (
        MUST,
        "muss | musst | müssen | sollst | erforderlich | zwingend | unbedingt | doit | devez \
         | dois | il faut | obligatoire* | impérati* | debe | debes | deben | obligatorio | \
         es necesario | hay que | deve | devem | obrigatóri* | é necessário | precisa | devi \
         | dovete | è necessario | obbligatori* | bisogna",
    ),
    (
        PLEASE,
        "bitte | stelle sicher | achte darauf | veuillez | assurez-vous | assure-toi | por \
         favor | asegúrate | asegúrese | certifique-se | assicurati | per favore",
    ),
    (
        BEFORE,
        "bevor | zuerst | vor der | vor dem | vor jedem | zunächst | avant | d'abord | au \
         préalable | antes de | primero | previamente | antes | primeiro | prima di | per \
         prima cosa | anzitutto",
    ),
    (
        ALWAYS,
        "immer | jedes mal | bei jedem | stets | toujours | à chaque | chaque fois | siempre \
         | cada vez | en cada | sempre | a cada | toda vez | ogni volta | ad ogni",
    ),
    (
        USE,
        "aufrufen | ruf | rufe | verwende* | benutze* | nutze | appel* | utilis* | invoqu* | \
         llama | llame | llamar | usa | usar | utiliz* | invoca* | chame | chamar | usare | \
         usi | utilizz* | chiama*",
    ),
    (
        TOOL,
        "werkzeug* | outil* | herramienta* | ferramenta* | strument* | servidor* | serveur* | \
         fonction*",
    ),
    (
        INSTEAD,
        "anstatt | anstelle | statt | bevorzug* | statt dessen | au lieu de | plutôt que | à \
         la place de | préfér* | en lugar de | en vez de | prefier* | preferir | em vez de | \
         ao invés de | prefira* | invece di | al posto di | preferisc*",
    ),
    (
        BEST,
        "das beste werkzeug | am zuverlässigsten | le meilleur outil | la mejor herramienta | \
         a melhor ferramenta | il miglior strumento",
    ),
    (
        SEND,
        "sende* | schick* | leite weiter | weiterleit* | übermittl* | übertrag* | hochladen | \
         lade hoch | kopiere* | envoi* | envoy* | transmet* | transférez | télévers* | \
         téléchargez vers | partag* | copiez | envía* | envíe* | enviar | envia | enviá | \
         envie* | reenví* | mandar | mande | mándalo | subir | sube | transmit* | compart* | \
         copia* | encaminh* | invia* | invii | inviar* | inoltr* | trasmett* | caricare | \
         carica su | condivid*",
    ),
    (
        GIVE,
        "füge | fügen | anhängen | beifügen | gib | angeben | eintragen | schreibe | inclu* | \
         ajout* | joign* | joindre | insér* | fourniss* | agrega* | añad* | adjunt* | insert* \
         | proporcion* | adicion* | anex* | forneç* | inclusi | includ* | aggiung* | alleg* | \
         fornisc* | inserisc*",
    ),
    (
        READ,
        "lese | lesen sie | auslesen | öffne | sammle | lire | lis | lisez | ouvrez | \
         récupér* | collect* | extrayez | extraer | lee | lea | leer | abre | abra | obtén | \
         obtener | recopil* | leia | ler | leggi | legger* | apri | recupera* | raccogli* | \
         estrai",
    ),
    (
        SECRET,
        "passwort* | passwörter | kennwort* | zugangsdaten | schlüssel | geheimnis* | \
         api-schlüssel | mot de passe | mots de passe | clé | clés | clé api | identifiants | \
         jeton* | contraseña* | claves | clave* | credencial* | secreto* | senha* | chave* | \
         segredo* | chiave | chiavi | credenzial* | segret*",
    ),
    (
        TALK,
        "gesprächsverlauf* | unterhaltung | chatverlauf | verlauf | conversación | historial \
         | conversa | histórico | conversazione | cronologia | historique",
    ),
    (
        MACHINE,
        "umgebungsvariabl* | zwischenablage | dateiinhalt* | benutzername* | variables \
         d'environnement | presse-papiers | nom d'utilisateur | variables de entorno | \
         portapapeles | archivo* de configuración | variáveis de ambiente | área de \
         transferência | variabili d'ambiente | variabili di ambiente | appunti | fichier* | \
         datei* | archivo* | arquivo* | file di configurazione",
    ),
    (
        PLACE,
        "adresse | serveur | servidor | dirección | endereço | indirizzo | postfach | \
         courriel | correo",
    ),
    (OUTSIDE, "extern* | fremd* | distant | tiers | esterno | externo*"),
    (
        OTHER,
        "andere | anderen | anderes | autre* | otra* | otro* | outra* | outro* | altri | \
         altre | altro",
    ),
    (
        OBEY,
        "befolg* | folge | suivez | suis | suivre | sigas | siga | seguir | cumpl* | obede* | \
         segui | seguire | rispett*",
    ),
    (
        WHOLE,
        "gesamt* | vollständig* | komplett* | l'ensemble | intégral* | tout le | todo el | \
         enter* | completo | inteir* | intero | intera | tutto",
    ),
    (
        COVERT,
        "heimlich | unbemerkt | stillschweigend | en secret | secrètement | discrètement | à \
         l'insu | en secreto | secretamente | discretamente | a escondidas | em segredo | di \
         nascosto | segretamente | all'insaputa",
    ),
    (
        DECODE,
        "dekodier* | entschlüssel* | décod* | déchiffr* | decodifi* | descodifi* | descifr* | \
         decifr*",
    ),
    (
        ALSO,
        "außerdem | zusätzlich | auch | également | aussi | de plus | en outre | además | \
         también | também | além disso | anche | inoltre",
    ),
    (
        FROM,
        "vor dem | vor der | vor den | à | au | aux | del | al | ao | do usuário | dall' | \
         dall",
    ),
    (
        ANY,
        "alle | allen | sämtliche | toutes | tous | todas | todos | tutte | tutti | jegliche \
         | cualquier | qualquer | qualsiasi",
    ),
    (
        PROCESS,
        "antwort* | aufgabe* | réponse* | répondre | tâche* | respuesta* | responder | tarea* \
         | resposta* | tarefa* | risposta | rispondere | compito",
    ),
    (MIND, "systemprompt | kontext | gesprächsverlauf | contexte | contexto | contesto"),
    (NAUGHT, "nicht | nichts | niemals"),
];

/// Russian.
const RUSSIAN: &[(Concepts, &str)] = &[
    (
        DISREGARD,
        "игнорир* | проигнорир* | забудь* | не обращай* внимания на | отмени* | нарушь* | \
         обойди* | не учитывай*",
    ),
    (VOID, "больше не действ* | недействител* | отменены | утратили силу"),
    (HIDE, "скрой* | скрыв* | скрыт* | утаи* | спряч* | держи в тайне | храни в тайне"),
    (
        TELL.or(MENTION),
        "сообща* | сообщи* | говори* | скажи* | рассказыв* | упомина* | упомяни* | раскрыв* | \
         уведомл* | информир* | показыва* | оповещ*",
    ),
    (NOT, "не | ничего | никому | никогда | без | нельзя | ни"),
    (USER, "пользовател* | юзер* | клиент* | человек*"),
    (
        ORDERS,
        "инструкци* | указани* | правил* | предписани* | директив* | промпт* | команды | \
         ограничени*",
    ),
    (
        PRIOR,
        "предыдущ* | прежн* | ранее | вышеуказанн* | свои | твои | ваши | системн* | \
         существующ*",
    ),
    (MODEL, "ассистент* | модель | модели | помощник* | нейросет* | агент"),
    (YOU, "ты | вы | твой | ваш"),
    (
        MUST,
        "должен | должна | должны | обязательно | обязан* | необходимо | следует | нужно | \
         требуется",
    ),
    (PLEASE, "пожалуйста | убедись* | убедитесь"),
    (BEFORE, "перед | прежде чем | сначала | сперва | до того как | предварительно"),
    (ALWAYS, "всегда | каждый раз | при каждом | постоянно"),
    (USE, "вызови* | вызыва* | вызов* | используй* | использу* | примени*"),
    (TOOL, "инструмент* | функци* | сервер*"),
    (INSTEAD, "вместо | предпочита* | предпочти* | лучше чем"),
    (BEST, "лучший инструмент | самый надежный | самый точный"),
    (
        SEND,
        "отправ* | отправл* | перешл* | пересыл* | передай* | передава* | загрузи* | выгрузи* \
         | скопируй* | опубликуй*",
    ),
    (GIVE, "включи* | добав* | прилож* | прикреп* | укажи* | вставь* | запиши* | передай*"),
    (READ, "прочита* | прочти* | читай* | открой* | получи* | собери* | извлек*"),
    (
        SECRET,
        "парол* | токен* | ключ* | секрет* | учетн* данн* | учётн* данн* | учетные данные | \
         реквизит*",
    ),
    (TALK, "переписк* | разговор* | диалог* | истори* чата | историю | контекст*"),
    (
        MACHINE,
        "переменн* | переменные окружения | буфер обмена | содержимое | файл* | имя \
         пользователя",
    ),
    (PLACE, "адрес* | сервис* | сайт* | почт* | канал*"),
    (OUTSIDE, "внешн* | сторонн* | удаленн* | удалённ*"),
    (OTHER, "друг* | ины* | прочи*"),
    (OBEY, "следуй* | следова* | соблюда* | выполня* | подчиня*"),
    (WHOLE, "весь | всю | полностью | целиком | полный | полную"),
    (COVERT, "тайно | незаметно | скрытно | втайне"),
    (FROM, "от"),
    (PROCESS, "ответ* | задач* | запрос*"),
    (ANY, "все | всех | любые | всю"),
    (DECODE, "декодир* | раскодир* | расшифр*"),
    (ALSO, "также | кроме того | дополнительно | заодно"),
];

/// Chinese, Japanese, Korean.
const EAST_ASIAN: &[(Concepts, &str)] = &[
    (
        DISREGARD,
        "忽略 | 无视 | 無視 | 忘记 | 忘掉 | 忘記 | 不要理会 | 不理会 | 不要遵守 | 不要遵循 | 覆盖之前 | 绕过 | 違反 | 忘れて | 無視して \
         | 従わない | 従うな | 破棄 | 무시 | 잊어 | 잊으 | 따르지 | 우회",
    ),
    (VOID, "不再有效 | 已失效 | 作废 | 不再适用 | 無効 | もはや有効では | 더 이상 유효하지 | 무효"),
    (
        HIDE,
        "隐瞒 | 隐藏 | 隱藏 | 隱瞞 | 保密 | 瞒着 | 隠して | 隠す | 隠せ | 秘密に | 内緒 | 숨기 | 숨겨 | 비밀로 | 감추",
    ),
    (
        TELL.or(MENTION),
        "告诉 | 告訴 | 告知 | 提及 | 提到 | 透露 | 说明 | 通知 | 提醒 | 泄露 | 披露 | 伝え | 知らせ | 言及 | 教え | 明かさ | \
         通知し | 話さ | 述べ | 알리 | 알려 | 말하 | 언급 | 밝히 | 통지 | 이야기하",
    ),
    (
        NOT,
        "不要 | 不得 | 不能 | 请勿 | 切勿 | 别 | 勿 | 不可 | 禁止 | 无需 | 未经 | 不 | ないで | ないこと | せずに | なしに | \
         てはいけない | てはならない | ません | な。 | 지 마 | 지마 | 지 말 | 않고 | 말 것 | 없이 | 안 됩니다 | 마세요",
    ),
    (
        NOT.or(TELL).or(MENTION),
        "伝えない | 伝えず | 知らせない | 知らせず | 言わない | 言及しない | 言及せず | 明かさない | 教えない | 話さない | 通知せず | 알리지 | \
         말하지 | 언급하지 | 밝히지 | 告げず",
    ),
    (NOT.or(OBEY), "従わない | 従うな | 따르지 | 不要遵守 | 不要遵循"),
    (USER, "用户 | 用戶 | 使用者 | 客户 | ユーザー | ユーザ | 利用者 | 사용자 | 유저 | 고객"),
    (
        ORDERS,
        "指令 | 指示 | 规则 | 規則 | 提示词 | 提示詞 | 系统提示 | 准则 | 命令 | 规定 | 限制 | 指南 | ルール | プロンプト | 制約 | \
         ガイドライン | 지시 | 지침 | 명령 | 규칙 | 프롬프트 | 제한",
    ),
    (
        PRIOR,
        "之前 | 先前 | 以前 | 上述 | 以上 | 原有 | 此前 | 前面 | 系统 | 你的 | これまで | 以前の | 前の | 上記 | 既存 | システム | \
         従来 | 이전 | 위의 | 기존 | 앞선 | 앞의 | 시스템",
    ),
    (
        MODEL,
        "助手 | 模型 | 智能体 | 人工智能 | アシスタント | モデル | エージェント | 어시스턴트 | 모델 | 에이전트",
    ),
    (YOU, "你 | 您 | あなた | 당신"),
    (
        MUST,
        "必须 | 必須 | 务必 | 應該 | 应该 | 需要 | しなければ | 必ず | すべき | 必要があ | 반드시 | 해야 | 하여야 | 필수",
    ),
    (PLEASE, "请 | 請 | 确保 | ください | 下さい | 하세요 | 하십시오 | 주세요"),
    (BEFORE, "首先 | 先 | 在调用 | 之前先 | 前に | まず | 先に | 最初に | 전에 | 먼저 | 우선"),
    (
        ALWAYS,
        "总是 | 始终 | 每次 | 一律 | 每当 | 常に | いつも | 毎回 | たびに | 항상 | 매번 | 언제나 | 때마다",
    ),
    (USE, "调用 | 調用 | 使用 | 呼び出 | 使って | 利用し | 実行 | 호출 | 사용 | 실행"),
    (TOOL, "工具 | 函数 | 服务器 | ツール | サーバー | 関数 | 도구 | 서버 | 함수"),
    (
        INSTEAD,
        "而不是 | 代替 | 取代 | 优先使用 | 优先于 | 代わりに | よりも | 優先 | 대신 | 우선적으로 | 보다 우선",
    ),
    (BEST, "最好的工具 | 最佳工具 | 最可靠 | 最高のツール | 最も信頼 | 가장 신뢰 | 최고의 도구"),
    (
        SEND,
        "发送 | 發送 | 上传 | 上傳 | 转发 | 轉發 | 传送 | 提交给 | 发布到 | 抄送 | 送信 | 送って | 転送 | アップロード | 送付 | 보내 \
         | 전송 | 전달 | 업로드 | 복사",
    ),
    (
        GIVE,
        "包含 | 附上 | 附加 | 填写 | 传入 | 写入 | 添加 | 提供 | 含め | 添付 | 追加 | 渡し | 記入 | 埋め込 | 포함 | 첨부 | 추가 \
         | 제공 | 입력",
    ),
    (
        READ,
        "读取 | 讀取 | 打开 | 获取 | 收集 | 提取 | 访问 | 読み取 | 読んで | 読み込 | 取得 | 収集 | 開い | 読 | 읽어 | 읽고 | 수집 \
         | 가져 | 추출 | 열어",
    ),
    (
        SECRET,
        "密码 | 密碼 | 密钥 | 令牌 | 凭证 | 凭据 | 私钥 | 秘密 | パスワード | トークン | 秘密鍵 | 認証情報 | 資格情報 | 鍵 | 비밀번호 \
         | 토큰 | 자격 증명 | 개인 키 | 암호 | 키를",
    ),
    (
        TALK,
        "对话 | 對話 | 聊天记录 | 历史记录 | 上下文 | 会話 | 履歴 | やり取り | 대화 | 기록 | 맥락",
    ),
    (
        MACHINE,
        "环境变量 | 剪贴板 | 文件内容 | 配置文件 | 用户名 | 本地文件 | 環境変数 | クリップボード | ファイルの内容 | 設定ファイル | 환경 변수 | \
         클립보드 | 파일 내용 | 설정 파일",
    ),
    (
        PLACE,
        "地址 | 邮箱 | 服务 | 端点 | 宛て | 宛先 | アドレス | エンドポイント | 주소 | 서비스 | 엔드포인트",
    ),
    (OUTSIDE, "外部 | 第三方 | 远程 | 第三者 | リモート | 외부 | 원격 | 제삼자"),
    (OTHER, "其他 | 其它 | 別の | 他の | 다른 | 기타"),
    (OBEY, "遵守 | 遵循 | 听从 | 服从 | 従って | 守って | 따르"),
    (WHOLE, "完整 | 全文 | 整个 | 原文 | すべての内容 | 全体 | 全文を | 전체 | 전부"),
    (
        COVERT,
        "秘密地 | 悄悄 | 暗中 | 偷偷 | こっそり | ひそかに | 密かに | 気づかれ | 몰래 | 은밀히",
    ),
    (FROM, "对 | 向 | 對 | に | から | には | 에게 | 로부터 | 한테"),
    (PROCESS, "回答 | 回复 | 任务 | 请求 | 応答 | 返答 | タスク | 답변 | 응답 | 작업"),
    (ANY, "所有 | 任何 | 全部 | 一切 | すべて | 全て | あらゆる | 모든 | 일체"),
    (DECODE, "解码 | 解碼 | 解密 | デコード | 復号 | 디코딩 | 복호화"),
    (ALSO, "同时 | 另外 | 此外 | 还要 | また | さらに | 加えて | 同時に | 또한 | 아울러 | 그리고"),
];

pub(super) const TERMS: [&[(Concepts, &str)]; 3] = [ROMANCE_AND_GERMAN, RUSSIAN, EAST_ASIAN];
