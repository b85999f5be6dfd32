// What the pages do beyond plain HTML. Every act here has a way without a script; nothing is evaluated from text.
// The parts are loaded under this file's version, so that a reader never runs parts of two releases.
const version = new URL(import.meta.url).search;
const load = (part) => import(`./js/${part}.js${version}`);

const [layers, keys, palette, forms] = await Promise.all(["layers", "keys", "palette", "forms"].map(load));
layers.wireLayers();
keys.wireKeys(layers);
palette.wirePalette();
forms.wireForms();
// Says to whoever waits for it, such as a test that presses a key, that all of this is in place.
document.documentElement.dataset.wired = "";
