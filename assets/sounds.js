// Which files may be recordings: what the browser says of them, else their name, else how they begin. The server looks at
// all of it; this is so that a letter doesn't take a recording's place.
voxdemo.isSound = (() => {
  const TYPES = /^(audio|video)\/|^application\/(ogg|mp4|mxf|vnd\.rn-realmedia)/;
  const NAMES = /\.(wav|wave|mp3|mp2|mpga|flac|og[agvx]|opus|spx|m4[abv]|aac|webm|mp4|mov|mk[av]|avi|ts|mts|flv|3g[p2]|wm[av]|asf|aif[fc]?|caf|au|snd|amr|ac3|w64|wv)$/i;
  const BEGINNINGS = /^(RIFF|RF64|OggS|fLaC|ID3|FORM|caff|\.snd|#!AMR|wvpk|FLV|\x1a\x45\xdf\xa3|\x30\x26\xb2\x75|\xff[\xe2-\xfb]|[^]{4}ftyp|\x47[^]{187}\x47)/;
  const IS_ELSE = /^(text|image|font)\//;
  return async (file) => {
    if (IS_ELSE.test(file.type)) return false;
    if (TYPES.test(file.type) || NAMES.test(file.name)) return true;
    return BEGINNINGS.test(String.fromCharCode(...new Uint8Array(await file.slice(0, 192).arrayBuffer())));
  };
})();

// Gradio's fields offer, and take, only what the browser calls audio. A video has sound, too, and many a recording comes
// without a type.
(() => {
  const FIELDS = '#vx-prompt, #vx-new-prompt, #vx-recording', OFFERED = 'audio/*,video/*,application/ogg,.mkv,.mka,.opus,.amr,.caf';
  const input = ({target}) => target.matches?.('input[type=file]') && target.closest(FIELDS) ? target : null;
  window.addEventListener('click', (event) => { const field = input(event); if (field) field.accept = OFFERED; }, true);
  window.addEventListener('change', (event) => {
    const field = input(event);
    if (!field || [...field.files].every(({type}) => type.startsWith('audio/'))) return;
    const files = new DataTransfer();
    for (const file of field.files) files.items.add(new File([file], file.name, {type: 'audio/*'}));
    field.files = files.files;
  }, true);
})();
