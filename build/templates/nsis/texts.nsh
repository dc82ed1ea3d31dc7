; What the installer says beyond NSIS's own words.
!macro TEXT LANGUAGE RUNNING STILL NEWER RIGHTS OLD LEFT FOLDER FAILED TITLE SCOPE ME ALL
  LangString TEXT_RUNNING ${LANGUAGE} "${RUNNING}"
  LangString TEXT_STILL_RUNNING ${LANGUAGE} "${STILL}"
  LangString TEXT_NEWER ${LANGUAGE} "${NEWER}"
  LangString TEXT_RIGHTS ${LANGUAGE} "${RIGHTS}"
  LangString TEXT_OLD ${LANGUAGE} "${OLD}"
  LangString TEXT_LEFT ${LANGUAGE} "${LEFT}"
  LangString TEXT_FOLDER ${LANGUAGE} "${FOLDER}"
  LangString TEXT_COMMAND ${LANGUAGE} "${FAILED}"
  LangString TEXT_SCOPE_TITLE ${LANGUAGE} "${TITLE}"
  LangString TEXT_SCOPE ${LANGUAGE} "${SCOPE}"
  LangString TEXT_FOR_ME ${LANGUAGE} "${ME}"
  LangString TEXT_FOR_ALL ${LANGUAGE} "${ALL}"
!macroend

!ifdef LANG_ENGLISH
!insertmacro TEXT ${LANG_ENGLISH} \
  "$Running is running. It is asked to close when you go on." \
  "$Running is still running. Close it and try again." \
  "Version $R2 is installed already, which is newer. To install ${VERSION}, uninstall it first." \
  "Installing for all users takes the rights of an administrator." \
  "The version that is installed could not be removed." \
  "Some files could not be removed. Close the programs that use them and try again." \
  "The folder's name is too long: Windows takes 259 characters for a whole path. Choose another folder." \
  "A command of the installation failed: $R1" \
  "Users" "For whom should $(^NameDA) be installed?" \
  "Only for &me" "For &all users of this computer (takes the rights of an administrator)"
!endif
!ifdef LANG_GERMAN
!insertmacro TEXT ${LANG_GERMAN} \
  "$Running läuft gerade. Es wird aufgefordert, sich zu beenden, wenn Sie fortfahren." \
  "$Running läuft noch. Beenden Sie es und versuchen Sie es erneut." \
  "Version $R2 ist bereits installiert und neuer. Um ${VERSION} zu installieren, deinstallieren Sie sie zuerst." \
  "Die Installation für alle Benutzer erfordert Administratorrechte." \
  "Die installierte Version konnte nicht entfernt werden." \
  "Einige Dateien konnten nicht entfernt werden. Beenden Sie die Programme, die sie benutzen, und versuchen Sie es erneut." \
  "Der Name des Ordners ist zu lang: Windows erlaubt 259 Zeichen für einen ganzen Pfad. Wählen Sie einen anderen Ordner." \
  "Ein Befehl der Installation ist fehlgeschlagen: $R1" \
  "Benutzer" "Für wen soll $(^NameDA) installiert werden?" \
  "Nur für &mich" "Für &alle Benutzer dieses Computers (erfordert Administratorrechte)"
!endif
!ifdef LANG_FRENCH
!insertmacro TEXT ${LANG_FRENCH} \
  "$Running est en cours d'exécution. Si vous continuez, il lui sera demandé de se fermer." \
  "$Running est toujours en cours d'exécution. Fermez-le et réessayez." \
  "La version $R2, plus récente, est déjà installée. Pour installer ${VERSION}, désinstallez-la d'abord." \
  "L'installation pour tous les utilisateurs exige les droits d'un administrateur." \
  "La version installée n'a pas pu être supprimée." \
  "Certains fichiers n'ont pas pu être supprimés. Fermez les programmes qui les utilisent et réessayez." \
  "Le nom du dossier est trop long : Windows accepte 259 caractères pour un chemin entier. Choisissez un autre dossier." \
  "Une commande de l'installation a échoué : $R1" \
  "Utilisateurs" "Pour qui faut-il installer $(^NameDA) ?" \
  "Seulement pour &moi" "Pour &tous les utilisateurs de cet ordinateur (exige les droits d'un administrateur)"
!endif
!ifdef LANG_SPANISH
!insertmacro TEXT ${LANG_SPANISH} \
  "$Running se está ejecutando. Si continúa, se le pedirá que se cierre." \
  "$Running sigue ejecutándose. Ciérrelo e inténtelo de nuevo." \
  "La versión $R2, más reciente, ya está instalada. Para instalar ${VERSION}, desinstálela primero." \
  "La instalación para todos los usuarios requiere derechos de administrador." \
  "No se pudo eliminar la versión instalada." \
  "No se pudieron eliminar algunos archivos. Cierre los programas que los usan e inténtelo de nuevo." \
  "El nombre de la carpeta es demasiado largo: Windows admite 259 caracteres para una ruta completa. Elija otra carpeta." \
  "Falló una orden de la instalación: $R1" \
  "Usuarios" "¿Para quién se debe instalar $(^NameDA)?" \
  "Solo para &mí" "Para &todos los usuarios de este equipo (requiere derechos de administrador)"
!endif
!ifdef LANG_ITALIAN
!insertmacro TEXT ${LANG_ITALIAN} \
  "$Running è in esecuzione. Se continui, gli verrà chiesto di chiudersi." \
  "$Running è ancora in esecuzione. Chiudilo e riprova." \
  "La versione $R2, più recente, è già installata. Per installare ${VERSION}, disinstallala prima." \
  "L'installazione per tutti gli utenti richiede i diritti di amministratore." \
  "Non è stato possibile rimuovere la versione installata." \
  "Non è stato possibile rimuovere alcuni file. Chiudi i programmi che li usano e riprova." \
  "Il nome della cartella è troppo lungo: Windows accetta 259 caratteri per un percorso intero. Scegli un'altra cartella." \
  "Un comando dell'installazione non è riuscito: $R1" \
  "Utenti" "Per chi deve essere installato $(^NameDA)?" \
  "Solo per &me" "Per &tutti gli utenti di questo computer (richiede i diritti di amministratore)"
!endif
!ifdef LANG_DUTCH
!insertmacro TEXT ${LANG_DUTCH} \
  "$Running is actief. Als u doorgaat, wordt het gevraagd zich te sluiten." \
  "$Running is nog actief. Sluit het en probeer het opnieuw." \
  "Versie $R2 is al geïnstalleerd en is nieuwer. Verwijder die eerst om ${VERSION} te installeren." \
  "Installeren voor alle gebruikers vereist beheerdersrechten." \
  "De geïnstalleerde versie kon niet worden verwijderd." \
  "Sommige bestanden konden niet worden verwijderd. Sluit de programma's die ze gebruiken en probeer het opnieuw." \
  "De naam van de map is te lang: Windows staat 259 tekens toe voor een heel pad. Kies een andere map." \
  "Een opdracht van de installatie is mislukt: $R1" \
  "Gebruikers" "Voor wie moet $(^NameDA) worden geïnstalleerd?" \
  "Alleen voor &mij" "Voor &alle gebruikers van deze computer (vereist beheerdersrechten)"
!endif
