@echo off
rem First run installs without a network, then serves the app. Words: see README.txt
chcp 65001 >nul
setlocal
pushd "%~dp0"
if not exist "python\python.exe" goto incomplete
if not exist "start.py" goto incomplete
"python\python.exe" -X utf8 start.py %*
set "status=%errorlevel%"
popd
rem Started by a double click: let the reason be read before the window closes.
if not "%status%"=="0" if "%~1"=="" pause
exit /b %status%

:incomplete
popd
echo 缺少文件：请先把压缩包全部解压，再运行解压后文件夹里的 start.bat。
echo Files are missing: unpack the whole archive first, then run start.bat in the unpacked folder.
if "%~1"=="" pause
exit /b 2
