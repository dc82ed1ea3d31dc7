; The installer for Windows. What is particular to a product stands in the files that are included, which are written beside this one:
; facts.nsh (defines), content.nsh (the files and the registry, as macros), texts.nsh (words of its own), license.txt.
; NSIS: https://nsis.sourceforge.io/Docs/
Unicode true
Target amd64-unicode
!include "facts.nsh"

!include "LogicLib.nsh"
!include "FileFunc.nsh"
!include "WordFunc.nsh"
!include "WinMessages.nsh"
!include "nsDialogs.nsh"
!include "MUI2.nsh"
!include "content.nsh"

Name "${DISPLAY_NAME}" "${DISPLAY_NAME_IN_CAPTIONS}"
OutFile "made.exe"
BrandingText " "
RequestExecutionLevel ${LEVEL}
ManifestSupportedOS all
ManifestDPIAware true
ManifestLongPathAware true
SetCompressor /SOLID lzma
SetCompressorDictSize 64
SetDateSave off
SetOverwrite on
AllowSkipFiles off ; in a silent run a file that cannot be written would be passed over
CRCCheck on
ShowInstDetails nevershow
ShowUninstDetails nevershow

VIProductVersion "${FILE_VERSION}"
VIFileVersion "${FILE_VERSION}"
VIAddVersionKey /LANG=0 "ProductName" "${RESOURCE_NAME}"
VIAddVersionKey /LANG=0 "ProductVersion" "${VERSION}"
VIAddVersionKey /LANG=0 "FileDescription" "${RESOURCE_NAME}"
VIAddVersionKey /LANG=0 "FileVersion" "${VERSION}"
VIAddVersionKey /LANG=0 "CompanyName" "${RESOURCE_PUBLISHER}"
VIAddVersionKey /LANG=0 "LegalCopyright" "${RESOURCE_PUBLISHER}"

!ifdef ICON
  Icon "${ICON}"
  UninstallIcon "${ICON}"
!endif
!ifdef LEFT_UNINSTALLER ; where it is left, for whoever signs it
  !uninstfinalize 'cp "%1" "${LEFT_UNINSTALLER}"' = 0
!endif
!ifdef SIGNED_UNINSTALLER ; what came of that
  !uninstfinalize 'cp "${SIGNED_UNINSTALLER}" "%1"' = 0
!endif
!ifdef SIGNED_PLUG_INS ; a folder, of which each goes before NSIS's own
  !addplugindir /amd64-unicode "${SIGNED_PLUG_INS}"
!endif

Var Scope      ; user or machine
Var Passive    ; 1: it shows how far it is, and asks nothing
Var Update     ; 1: an updater runs it, or a newer installer runs this uninstaller
Var Restart    ; 1: the program is started when it is installed
Var Arguments  ; what it is started with then
Var OldFolder  ; where the version is that is installed already, empty if none is
Var Chosen     ; what the command line says of the folder
Var OnDesktop    ; 1: there is, or is to be, a shortcut on the desktop
Var Running    ; a program that runs
!ifdef CHOOSE_SCOPE
  Var ForAll   ; the button of the page
!endif

!define REFUSED_RUNNING 3
!define REFUSED_NEWER 4
!define REFUSED_RIGHTS 5
!define FAILED_REMOVING 6
!define FAILED_COMMAND 7
!define REFUSED_FOLDER 8

; ---- Pages -------------------------------------------------------------------------------------------------------------------------
!define MUI_ABORTWARNING
!ifdef ICON
  !define MUI_ICON "${ICON}"
  !define MUI_UNICON "${ICON}"
!endif
!ifdef CHOOSE_SCOPE
  Page custom ScopePage ScopeChosen
!endif
!ifdef LICENSE
  !define MUI_PAGE_CUSTOMFUNCTION_PRE SkipWhenPassive
  !insertmacro MUI_PAGE_LICENSE "license.txt"
!endif
!define MUI_PAGE_CUSTOMFUNCTION_PRE SkipWhenPassive
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!ifdef STARTED
  !define MUI_FINISHPAGE_RUN
  !define MUI_FINISHPAGE_RUN_FUNCTION StartProgram
!endif
!define MUI_PAGE_CUSTOMFUNCTION_PRE SkipWhenPassive
!insertmacro MUI_PAGE_FINISH
!define MUI_PAGE_CUSTOMFUNCTION_PRE un.SkipWhenPassive
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro LANGUAGES
!include "texts.nsh"

; ---- What installer and uninstaller share ------------------------------------------------------------------------------------------
; Ends with an exit code, and says why when somebody is there to read it.
!macro FAIL CODE TEXT
  SetErrorLevel ${CODE}
  ${IfNot} ${Silent}
  ${AndIf} $Passive = 0
    MessageBox MB_OK|MB_ICONSTOP "${TEXT}"
  ${EndIf}
  Quit
!macroend

; A program that runs is a file that nobody else may write to.
!macro PROBE NAME
  StrCpy $3 "$0\${NAME}"
  ${If} $Running == ""
  ${AndIf} ${FileExists} $3
    System::Call 'kernel32::CreateFileW(w r3, i 0x40000000, i 7, p 0, i 3, i 0, p 0) p.r1 ?e'
    Pop $2
    ${If} $1 P<> -1
      System::Call 'kernel32::CloseHandle(p r1)'
    ${ElseIf} $2 = 32 ; ERROR_SHARING_VIOLATION
      StrCpy $Running "${NAME}"
    ${EndIf}
  ${EndIf}
!macroend

!macro SHARED un
Function ${un}SkipWhenPassive
  ${If} $Passive = 1
    Abort
  ${EndIf}
FunctionEnd

Function ${un}ReadSwitches
  StrCpy $Passive 0
  StrCpy $Update 0
  StrCpy $Restart 0
  ${GetParameters} $R0
  ${GetOptions} $R0 "/P" $R1
  ${IfNot} ${Errors}
  ${AndIf} $R1 == ""
    StrCpy $Passive 1
    SetAutoClose true
  ${EndIf}
  ClearErrors
  ${GetOptions} $R0 "/UPDATE" $R1
  ${IfNot} ${Errors}
    StrCpy $Update 1
  ${EndIf}
  ClearErrors
  ${GetOptions} $R0 "/R" $R1
  ${IfNot} ${Errors}
  ${AndIf} $R1 == ""
    StrCpy $Restart 1
  ${EndIf}
  ClearErrors
  ${GetOptions} $R0 "/ARGS=" $Arguments
  ClearErrors
FunctionEnd

Function ${un}UseScope
  ${If} $Scope == "machine"
    SetShellVarContext all
  ${Else}
    SetShellVarContext current
  ${EndIf}
FunctionEnd

; Only administrators change what belongs to everybody: asks Windows for their rights and runs once more with them.
Function ${un}NeedRights
  ${If} $Scope == "machine"
    UserInfo::GetAccountType
    Pop $R0
    ${If} $R0 != "Admin"
      ${If} ${Silent}
        !insertmacro FAIL ${REFUSED_RIGHTS} "$(TEXT_RIGHTS)"
      ${EndIf}
      ${GetParameters} $R0
      StrCpy $R1 ""
!if "${un}" == "un."
      StrCpy $R1 " _?=$INSTDIR" ; it runs from a copy elsewhere
!else
      ${If} $Chosen != ""
        StrCpy $R1 " /D=$Chosen"
      ${EndIf}
!endif
      ClearErrors
      ExecShell "runas" "$EXEPATH" "$R0 /ALLUSERS$R1"
      ${If} ${Errors}
        !insertmacro FAIL ${REFUSED_RIGHTS} "$(TEXT_RIGHTS)"
      ${EndIf}
      Quit
    ${EndIf}
  ${EndIf}
FunctionEnd

; Sets $Running to a program of the folder $0 that runs.
Function ${un}FindRunning
  StrCpy $Running ""
  !insertmacro EACH_PROGRAM PROBE
FunctionEnd

; Asks every window of the programs in the folder $0 to close, as its own button does.
Function ${un}CloseWindows
  StrLen $8 "$0\"
  System::Call 'user32::GetTopWindow(p 0) p.r3'
  ${DoWhile} $3 P<> 0
    System::Call 'user32::GetWindowThreadProcessId(p r3, *i .r4)'
    System::Call 'kernel32::OpenProcess(i 0x1000, i 0, i r4) p.r5' ; PROCESS_QUERY_LIMITED_INFORMATION
    ${If} $5 P<> 0
      System::Call 'kernel32::QueryFullProcessImageNameW(p r5, i 0, w .r6, *i ${NSIS_MAX_STRLEN})'
      System::Call 'kernel32::CloseHandle(p r5)'
      StrCpy $7 $6 $8
      System::Call 'user32::IsWindowVisible(p r3) i.r9'
      ${If} $7 == "$0\"
      ${AndIf} $9 <> 0
        System::Call 'user32::PostMessageW(p r3, i ${WM_CLOSE}, p 0, p 0)'
      ${EndIf}
    ${EndIf}
    System::Call 'user32::GetWindow(p r3, i 2) p.r3' ; GW_HWNDNEXT
  ${Loop}
FunctionEnd

; Waits up to ten seconds for the programs of the folder $0.
Function ${un}Await
  StrCpy $R9 0
  ${Do}
    Call ${un}FindRunning
    ${If} $Running == ""
    ${OrIf} $R9 = 40
      ${ExitDo}
    ${EndIf}
    Sleep 250
    IntOp $R9 $R9 + 1
  ${Loop}
FunctionEnd

; The programs of the folder on the stack run no longer, or nothing goes on.
Function ${un}CloseRunning
  Exch $0
  Call ${un}FindRunning
  ${If} $Running != ""
    ${IfNot} ${Silent}
    ${AndIf} $Passive = 0
    ${AndIf} $Update = 0
      MessageBox MB_OKCANCEL|MB_ICONEXCLAMATION "$(TEXT_RUNNING)" IDOK +3
      SetErrorLevel 1
      Quit
    ${EndIf}
    ${Do}
      Call ${un}CloseWindows
      Call ${un}Await
      ${If} $Running == ""
        ${ExitDo}
      ${EndIf}
      ${If} ${Silent}
      ${OrIf} $Passive = 1
        !insertmacro FAIL ${REFUSED_RUNNING} "$(TEXT_STILL_RUNNING)"
      ${EndIf}
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$(TEXT_STILL_RUNNING)" IDRETRY +3
      SetErrorLevel ${REFUSED_RUNNING}
      Quit
    ${Loop}
  ${EndIf}
  Pop $0
FunctionEnd

!ifdef IN_PATH
; Puts the folder into the PATH (1 on the stack) or takes it out (0). NSIS's own strings end after ${NSIS_MAX_STRLEN} characters and would
; cut off a long one, so the text stays in memory of its own; its kind, with variables in it or not, stays what it is.
Function ${un}EditPath
  Exch $0
  ${If} $Scope == "machine"
    StrCpy $1 -2147483646 ; HKEY_LOCAL_MACHINE
    StrCpy $2 "SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
  ${Else}
    StrCpy $1 -2147483647 ; HKEY_CURRENT_USER
    StrCpy $2 "Environment"
  ${EndIf}
  System::Call 'advapi32::RegCreateKeyExW(p r1, w r2, i 0, p 0, i 0, i 0x103, p 0, *p .r3, p 0) i.r4'
  ${If} $4 = 0
    System::Call 'advapi32::RegQueryValueExW(p r3, w "Path", p 0, *i .r4, p 0, *i .r5) i.r6'
    ${If} $6 <> 0
      StrCpy $4 2 ; REG_EXPAND_SZ
      StrCpy $5 0
    ${EndIf}
    ; one text that begins and ends with a semicolon, so that every folder stands between two
    StrLen $6 $INSTDIR
    IntOp $6 $6 * 2
    IntOp $6 $6 + $5
    IntOp $6 $6 + 32
    System::Alloc $6
    Pop $7
    IntPtrOp $8 $7 + 2
    System::Call 'kernel32::lstrcpyW(p r7, w ";")'
    ${If} $5 > 0
      System::Call 'advapi32::RegQueryValueExW(p r3, w "Path", p 0, p 0, p r8, *i r5)'
    ${EndIf}
    System::Call 'kernel32::lstrcatW(p r7, w ";")'
    StrCpy $9 ";$INSTDIR;"
    System::Call 'shlwapi::StrStrIW(p r7, w r9) p.R0'
    StrCpy $R1 0
    ${If} $0 = 1
    ${AndIf} $R0 P= 0
      StrCpy $R1 1
      ${If} $5 < 4
        System::Call 'kernel32::lstrcpyW(p r7, w r9)'
      ${Else}
        System::Call 'kernel32::lstrcatW(p r7, w "$INSTDIR;")'
      ${EndIf}
    ${ElseIf} $0 = 0
    ${AndIf} $R0 P<> 0
      StrCpy $R1 1
      StrLen $R2 $9
      IntOp $R2 $R2 - 1
      IntOp $R2 $R2 * 2
      IntPtrOp $R2 $R0 + $R2
      System::Call 'kernel32::lstrlenW(p R2) i.R3'
      IntOp $R3 $R3 + 1
      IntOp $R3 $R3 * 2
      System::Call 'ntdll::RtlMoveMemory(p R0, p R2, p R3)'
    ${EndIf}
    ${If} $R1 = 1
      System::Call 'kernel32::lstrlenW(p r7) i.R3'
      IntOp $R3 $R3 - 1
      ${If} $R3 > 1
        IntOp $R4 $R3 * 2
        IntPtrOp $R2 $7 + $R4
        System::Call '*$R2(&i2 0)'
        System::Call 'advapi32::RegSetValueExW(p r3, w "Path", i 0, i r4, p r8, i R4)'
      ${Else}
        System::Call 'advapi32::RegDeleteValueW(p r3, w "Path")'
      ${EndIf}
    ${EndIf}
    System::Free $7
    System::Call 'advapi32::RegCloseKey(p r3)'
    SendMessage ${HWND_BROADCAST} ${WM_SETTINGCHANGE} 0 "STR:Environment" /TIMEOUT=2000
  ${EndIf}
  Pop $0
FunctionEnd
!endif
!macroend

!insertmacro SHARED ""
!insertmacro SHARED "un."

; Kinds of files and schemes belong to whoever claimed them last: what is another's stays.
!macro WRITE_UNLESS_SET KEY DATA
  ReadRegStr $0 SHCTX "${KEY}" ""
  ${If} $0 == ""
    WriteRegStr SHCTX "${KEY}" "" "${DATA}"
  ${EndIf}
!macroend

!macro REMOVE_IF_OURS KEY DATA
  ReadRegStr $0 SHCTX "${KEY}" ""
  ${If} $0 == "${DATA}"
    DeleteRegValue SHCTX "${KEY}" ""
  ${EndIf}
!macroend

!macro REMOVE_KEY_IF_EMPTY KEY
  ClearErrors
  EnumRegValue $0 SHCTX "${KEY}" 0
  ${If} ${Errors}
    DeleteRegKey /ifempty SHCTX "${KEY}" ; with values in it that would do it too
  ${EndIf}
!macroend

!macro REMOVE_CLASS_IF_OURS KEY COMMAND
  ReadRegStr $0 SHCTX "${KEY}\shell\open\command" ""
  ${If} $0 == '${COMMAND}'
    DeleteRegKey SHCTX "${KEY}"
  ${EndIf}
!macroend

; ---- Installing --------------------------------------------------------------------------------------------------------------------
; What is installed already, and where this one goes: /D= first, then where the old one is.
Function LookForOld
  ReadRegStr $OldFolder SHCTX "${UNINSTALL_KEY}" "InstallLocation"
  ReadRegStr $R0 SHCTX "${UNINSTALL_KEY}" "ComparableVersion"
  ${If} $R0 != ""
    ${VersionCompare} "$R0" "${COMPARABLE}" $R1
    ${If} $R1 = 1
      ReadRegStr $R2 SHCTX "${UNINSTALL_KEY}" "DisplayVersion"
      !insertmacro FAIL ${REFUSED_NEWER} "$(TEXT_NEWER)"
    ${EndIf}
  ${EndIf}
  ${If} $Chosen != ""
    StrCpy $INSTDIR $Chosen
  ${ElseIf} $OldFolder != ""
    StrCpy $INSTDIR $OldFolder
  ${ElseIf} $Scope == "machine"
    StrCpy $INSTDIR "$PROGRAMFILES64\${FOLDER}"
  ${Else}
    StrCpy $INSTDIR "$LOCALAPPDATA\Programs\${FOLDER}"
  ${EndIf}
FunctionEnd

Function .onInit
  SetRegView 64
  StrCpy $Chosen $INSTDIR ; empty without /D=, because no InstallDir is set
  Call ReadSwitches
  StrCpy $Scope "${SCOPE}"
!ifdef CHOOSE_SCOPE
  ReadRegStr $R1 HKCU "${UNINSTALL_KEY}" "InstallLocation"
  ReadRegStr $R2 HKLM "${UNINSTALL_KEY}" "InstallLocation"
  ${If} $R1 == ""
  ${AndIf} $R2 != ""
    StrCpy $Scope "machine"
  ${EndIf}
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/ALLUSERS" $R1
  ${IfNot} ${Errors}
    StrCpy $Scope "machine"
  ${EndIf}
  ClearErrors
  ${GetOptions} $R0 "/CURRENTUSER" $R1
  ${IfNot} ${Errors}
    StrCpy $Scope "user"
  ${EndIf}
  ${If} ${Silent}
  ${OrIf} $Passive = 1
    Call NeedRights
  ${EndIf}
!else
  Call NeedRights
!endif
  Call UseScope
  Call LookForOld
FunctionEnd

!ifdef CHOOSE_SCOPE
Function ScopePage
  ${If} $Passive = 1
    Abort
  ${EndIf}
  !insertmacro MUI_HEADER_TEXT "$(TEXT_SCOPE_TITLE)" "$(TEXT_SCOPE)"
  nsDialogs::Create 1018
  Pop $R0
  ${NSD_CreateRadioButton} 0 10u 100% 12u "$(TEXT_FOR_ME)"
  Pop $R1
  ${NSD_CreateRadioButton} 0 28u 100% 12u "$(TEXT_FOR_ALL)"
  Pop $ForAll
  ${If} $Scope == "machine"
    ${NSD_Check} $ForAll
  ${Else}
    ${NSD_Check} $R1
  ${EndIf}
  nsDialogs::Show
FunctionEnd

Function ScopeChosen
  ${NSD_GetState} $ForAll $R0
  StrCpy $Scope "user"
  ${If} $R0 = ${BST_CHECKED}
    StrCpy $Scope "machine"
    Call NeedRights
  ${EndIf}
  Call UseScope
  Call LookForOld
FunctionEnd
!endif

; An uninstaller that is run with _?= does its work itself and is waited for; from a copy, so that it can be removed as well.
Function RemoveOld
  ${If} $OldFolder != ""
  ${AndIf} ${FileExists} "$OldFolder\${UNINSTALLER}"
    InitPluginsDir
    ClearErrors
    CopyFiles /SILENT "$OldFolder\${UNINSTALLER}" "$PLUGINSDIR\old.exe"
    ExecWait '"$PLUGINSDIR\old.exe" /S /UPDATE /SCOPE=$Scope _?=$OldFolder' $R0
    ${If} ${Errors}
    ${OrIf} $R0 <> 0
      !insertmacro FAIL ${FAILED_REMOVING} "$(TEXT_OLD)"
    ${EndIf}
  ${EndIf}
FunctionEnd

!ifdef STARTED
Function StartProgram
  ${If} $Scope == "machine" ; the shell has the user's own rights, not those of this installer
    Exec '"$WINDIR\explorer.exe" "$INSTDIR\${STARTED}"'
  ${Else}
    Exec '"$INSTDIR\${STARTED}" $Arguments'
  ${EndIf}
FunctionEnd
!endif

Section
  StrLen $0 $INSTDIR
  IntOp $0 $0 + ${LONGEST_PATH}
  ${If} $0 > 259
    !insertmacro FAIL ${REFUSED_FOLDER} "$(TEXT_FOLDER)"
  ${EndIf}
  ${If} $OldFolder != ""
  ${AndIf} $OldFolder != $INSTDIR
    Push $OldFolder
    Call CloseRunning
  ${EndIf}
  Push $INSTDIR
  Call CloseRunning
  StrCpy $OnDesktop 1
  ${If} $OldFolder != ""
    !insertmacro LOOK_FOR_DESKTOP_SHORTCUTS ; one that the user has thrown away does not come again
  ${EndIf}
  Call RemoveOld

  SetOutPath "$INSTDIR"
  !insertmacro INSTALL_FILES
  WriteUninstaller "$INSTDIR\${UNINSTALLER}"
  SetOutPath "$INSTDIR" ; what shortcuts start in
  !insertmacro MAKE_SHORTCUTS
  !insertmacro WRITE_CLASSES
  !insertmacro NOTIFY_SHELL
!ifdef IN_PATH
  Push 1
  Call EditPath
!endif

  WriteRegStr SHCTX "${UNINSTALL_KEY}" "DisplayName" "${DISPLAY_NAME}"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "ComparableVersion" "${COMPARABLE}"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "Publisher" "${PUBLISHER}"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\${SHOWN}"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\${UNINSTALLER}" /SCOPE=$Scope'
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\${UNINSTALLER}" /S /SCOPE=$Scope'
!ifdef HOMEPAGE
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "URLInfoAbout" "${HOMEPAGE}"
!endif
!ifdef HELP
  WriteRegStr SHCTX "${UNINSTALL_KEY}" "HelpLink" "${HELP}"
!endif
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "EstimatedSize" ${KILOBYTES}
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "VersionMajor" ${VERSION_MAJOR}
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "VersionMinor" ${VERSION_MINOR}
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD SHCTX "${UNINSTALL_KEY}" "NoRepair" 1
  !insertmacro AFTER_INSTALL
SectionEnd

!ifdef STARTED
Function .onInstSuccess
  ${If} $Restart = 1
    Call StartProgram
  ${EndIf}
FunctionEnd
!endif

; ---- Removing ----------------------------------------------------------------------------------------------------------------------
Function un.onInit
  SetRegView 64
  Call un.ReadSwitches
  StrCpy $Scope "${SCOPE}"
  StrCpy $Chosen ""
  StrCpy $R0 $INSTDIR "" -1
  ${If} $R0 == "\" ; which NSIS adds, and which the PATH has not
    StrCpy $INSTDIR $INSTDIR -1
  ${EndIf}
!ifdef CHOOSE_SCOPE ; started by hand it finds out itself whose it is
  ReadRegStr $R1 HKCU "${UNINSTALL_KEY}" "InstallLocation"
  ${If} $R1 != $INSTDIR
    StrCpy $Scope "machine"
  ${EndIf}
!endif
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/SCOPE=" $R1
  ${IfNot} ${Errors}
    StrCpy $Scope $R1
  ${EndIf}
  Call un.UseScope
  Call un.NeedRights
FunctionEnd

Section "Uninstall"
  Push $INSTDIR
  Call un.CloseRunning
  ${If} $Update = 0
    !insertmacro BEFORE_REMOVE
    !insertmacro REMOVE_SHORTCUTS
  ${EndIf}
  !insertmacro REMOVE_CLASSES
  !insertmacro NOTIFY_SHELL
!ifdef IN_PATH
  Push 0
  Call un.EditPath
!endif
  SetOutPath "$TEMP" ; a folder that is worked in cannot be removed
  ClearErrors
  !insertmacro REMOVE_FILES
  Delete "$INSTDIR\${UNINSTALLER}"
  ${If} ${Errors}
    !insertmacro FAIL ${FAILED_REMOVING} "$(TEXT_LEFT)"
  ${EndIf}
  !insertmacro REMOVE_FOLDERS
  RMDir "$INSTDIR"
  DeleteRegKey SHCTX "${UNINSTALL_KEY}"
SectionEnd
